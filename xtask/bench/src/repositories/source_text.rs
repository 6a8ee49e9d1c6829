//! Text that looks like source code to a compressor and a differ, the same on every machine.

/// Different words; large enough that files do not repeat each other.
const VOCABULARY: usize = 4_000;
const SYLLABLES: [&str; 32] = [
    "ar", "ba", "con", "de", "el", "fi", "ge", "ha", "in", "jo", "ke", "lo", "mo", "ne", "or", "pre", "qua",
    "re", "sta", "ti", "un", "ver", "wa", "ex", "ys", "ze", "ma", "pro", "ser", "tra", "ob", "li",
];

/// A source of numbers that depend on the seed only (the generator SplitMix64).
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// Starts a sequence.
    pub fn new(seed: u64) -> Self {
        Dice(seed)
    }

    /// A number below the limit, each with the same chance.
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^= mixed >> 31;
        let limit = limit.max(1) as u64;
        usize::try_from(mixed % limit).expect("a number below a usize is one")
    }

    /// A number from low to high, low ones more often, as sizes of files and changes are.
    pub fn mostly_low(&mut self, low: usize, high: usize) -> usize {
        let span = high.saturating_sub(low) + 1;
        let bound = self.below(span) + 1;
        let bound = self.below(bound) + 1;
        low + self.below(bound)
    }

    /// True in so many of a hundred cases.
    pub fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }
}

/// The words of which everything is made.
#[derive(Debug)]
pub struct Words(Vec<String>);

impl Words {
    /// Makes the words, always the same.
    pub fn new() -> Self {
        let mut dice = Dice::new(1);
        let mut word = || {
            let syllables = 1 + dice.below(4);
            (0..syllables).map(|_| SYLLABLES[dice.below(SYLLABLES.len())]).collect()
        };
        Words((0..VOCABULARY).map(|_| word()).collect())
    }

    /// One of them; a few are used all the time and most seldom, as in any text.
    pub fn pick(&self, dice: &mut Dice) -> &str {
        let bound = dice.below(self.0.len()) + 1;
        &self.0[dice.below(bound)]
    }

    /// A line of source code with its line break.
    pub fn line(&self, dice: &mut Dice) -> String {
        let indent = "    ".repeat(dice.mostly_low(0, 4));
        let kind = dice.below(12);
        let mut word = || self.pick(dice);
        let text = match kind {
            0 => return "\n".into(),
            1 | 2 => "}".into(),
            3 => format!("// {} {} {} {} {}.", word(), word(), word(), word(), word()),
            4 => format!("fn {}_{}({}: {}) -> {} {{", word(), word(), word(), word(), word()),
            5 => format!("if {}.{}() == {} {{", word(), word(), word()),
            6 | 7 => format!("let {} = {}.{}({}, {});", word(), word(), word(), word(), word()),
            8 => format!("{}.{}({})?;", word(), word(), word()),
            9 => format!("use {}::{}::{};", word(), word(), word()),
            10 => format!("assert_eq!({}, {});", word(), word()),
            _ => format!("{}: {},", word(), word()),
        };
        format!("{indent}{text}\n")
    }

    /// A path as source trees have them, two to five folders deep; the number makes it unique.
    pub fn path(&self, dice: &mut Dice, number: usize) -> String {
        const TOPS: [&str; 6] = ["src", "crates", "tests", "docs", "tools", "benches"];
        const ENDINGS: [&str; 6] = ["rs", "rs", "rs", "md", "toml", "txt"];
        // Folders come from a few words each, so that each folder has many files.
        let mut path = TOPS[dice.mostly_low(0, TOPS.len() - 1)].to_owned();
        for _ in 0..1 + dice.below(3) {
            path.push('/');
            path.push_str(&self.0[dice.below(12)]);
        }
        let ending = ENDINGS[dice.below(ENDINGS.len())];
        format!("{path}/{}_{number}.{ending}", self.pick(dice))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_text() {
        let words = Words::new();
        let text = |seed| {
            let mut dice = Dice::new(seed);
            (0..50).map(|_| words.line(&mut dice)).collect::<String>()
        };
        assert_eq!(text(7), text(7));
        assert_ne!(text(7), text(8));
        assert!(text(7).ends_with('\n'));
    }

    #[test]
    fn dice_keep_to_their_limits() {
        let mut dice = Dice::new(3);
        assert!((0..1000).map(|_| dice.below(6)).all(|number| number < 6));
        assert!((0..1000).map(|_| dice.mostly_low(2, 9)).all(|number| (2..=9).contains(&number)));
        assert_eq!(dice.below(0), 0);
    }
}
