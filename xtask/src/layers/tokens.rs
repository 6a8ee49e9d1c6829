//! Rust source as words and signs: without comments and without what stands inside texts, each with its line.
//!
//! This is less than a parser and sees more: paths inside macros are found like all others.

/// A word or a sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// The line, counted from one.
    pub line: usize,
    /// What it is.
    pub kind: Kind,
}

/// What a token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// An identifier or a keyword.
    Word(String),
    /// `::`.
    PathSeparator,
    /// Any other sign.
    Sign(char),
    /// A text; what is in it matters for `#[path = "..."]` only.
    Text(String),
}

impl Token {
    /// The word, if it is one.
    pub fn word(&self) -> Option<&str> {
        match &self.kind {
            Kind::Word(word) => Some(word),
            _ => None,
        }
    }

    /// Whether it is this word.
    pub fn is_word(&self, word: &str) -> bool {
        self.word() == Some(word)
    }

    /// Whether it is this sign.
    pub fn is_sign(&self, sign: char) -> bool {
        self.kind == Kind::Sign(sign)
    }
}

/// The tokens of a source file. What is not Rust gives tokens that mean nothing.
pub fn tokens(text: &str) -> Vec<Token> {
    let mut reader = Reader { rest: text, line: 1 };
    let mut tokens = Vec::new();
    loop {
        let line = reader.line;
        match reader.next() {
            Some(Some(kind)) => tokens.push(Token { line, kind }),
            Some(None) => {}
            None => return tokens,
        }
    }
}

struct Reader<'t> {
    rest: &'t str,
    line: usize,
}

impl Reader<'_> {
    /// `None` at the end, `Some(None)` for white space, comments, numbers, characters and lifetimes.
    fn next(&mut self) -> Option<Option<Kind>> {
        let first = self.rest.chars().next()?;
        if first.is_whitespace() {
            self.skip(first.len_utf8());
        } else if self.rest.starts_with("//") {
            self.skip(self.rest.find('\n').unwrap_or(self.rest.len()));
        } else if self.rest.starts_with("/*") {
            self.skip(block_comment(self.rest));
        } else if let Some((start, end)) = raw_text(self.rest) {
            let inner = self.rest[start..end].trim_end_matches('#').trim_end_matches('"').to_owned();
            self.skip(end);
            return Some(Some(Kind::Text(inner)));
        } else if first == '"' {
            let end = quoted(self.rest, '"');
            let inner = self.rest[1..end].trim_end_matches('"').to_owned();
            self.skip(end);
            return Some(Some(Kind::Text(inner)));
        } else if first == '\'' {
            self.skip(character_or_lifetime(self.rest));
        } else if first.is_alphabetic() || first == '_' {
            let raw = if self.rest.starts_with("r#") { 2 } else { 0 };
            let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
            let length =
                self.rest[raw..].find(|letter| !is_part(letter)).unwrap_or(self.rest.len() - raw) + raw;
            let word = self.rest[raw..length].to_owned();
            self.skip(length.max(1));
            return Some(Some(Kind::Word(word)));
        } else if first.is_ascii_digit() {
            let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
            self.skip(self.rest.find(|letter| !is_part(letter)).unwrap_or(self.rest.len()));
        } else if self.rest.starts_with("::") {
            self.skip(2);
            return Some(Some(Kind::PathSeparator));
        } else {
            self.skip(first.len_utf8());
            return Some(Some(Kind::Sign(first)));
        }
        Some(None)
    }

    fn skip(&mut self, length: usize) {
        let (skipped, rest) = self.rest.split_at(length);
        self.line += skipped.matches('\n').count();
        self.rest = rest;
    }
}

/// How long a comment is; one may contain others.
fn block_comment(text: &str) -> usize {
    let (mut depth, mut position) = (0, 0);
    while position < text.len() {
        let rest = &text[position..];
        if rest.starts_with("/*") {
            (depth, position) = (depth + 1, position + 2);
        } else if rest.starts_with("*/") {
            (depth, position) = (depth - 1, position + 2);
        } else {
            position += rest.chars().next().map_or(1, char::len_utf8);
        }
        if depth == 0 {
            break;
        }
    }
    position
}

/// Where a text without escapes begins and ends, such as `r#"..."#`, if there is one here.
fn raw_text(text: &str) -> Option<(usize, usize)> {
    let prefix = ["br", "cr", "r"].into_iter().find(|prefix| text.starts_with(prefix))?;
    let hashes = text[prefix.len()..].chars().take_while(|sign| *sign == '#').count();
    let start = prefix.len() + hashes + 1;
    if text.as_bytes().get(start - 1) != Some(&b'"') {
        return None;
    }
    let end = format!("\"{}", "#".repeat(hashes));
    let length = text[start..].find(&end).map_or(text.len() - start, |at| at + end.len());
    Some((start, start + length))
}

/// How long a text with escapes is, with its quotation marks.
fn quoted(text: &str, mark: char) -> usize {
    let mut letters = text.char_indices().skip(1);
    while let Some((at, letter)) = letters.next() {
        if letter == '\\' {
            letters.next();
        } else if letter == mark {
            return at + mark.len_utf8();
        }
    }
    text.len()
}

fn character_or_lifetime(text: &str) -> usize {
    let mut letters = text.chars().skip(1);
    match (letters.next(), letters.next()) {
        (Some('\\'), _) => quoted(text, '\''),
        (Some(letter), Some('\'')) => letter.len_utf8() + 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<(usize, String)> {
        let word = |token: &Token| Some((token.line, token.word()?.to_owned()));
        tokens(text).iter().filter_map(word).collect()
    }

    #[test]
    fn words_keep_their_lines() {
        assert_eq!(words("a\n  b_2 r#type"), [(1, "a".into()), (2, "b_2".into()), (2, "type".into())]);
    }

    #[test]
    fn comments_texts_characters_and_lifetimes_hold_no_words() {
        let text = "a // x\n/* y /* z */ y */ b \"q \\\" q\" 'c' '\\'' &'static r#\"x\" y\"# br\"z\" 0x7f c";
        let found: Vec<_> = words(text).into_iter().map(|(_, word)| word).collect();
        assert_eq!(found, ["a", "b", "static", "c"]);
        assert_eq!(words("\"one\ntwo\" after"), [(2, "after".into())]);
    }

    #[test]
    fn paths_and_texts_are_told() {
        let kinds: Vec<_> = tokens("a::b = \"c\"").into_iter().map(|token| token.kind).collect();
        let word = |word: &str| Kind::Word(word.to_owned());
        let expected =
            [word("a"), Kind::PathSeparator, word("b"), Kind::Sign('='), Kind::Text("c".to_owned())];
        assert_eq!(kinds, expected);
    }
}
