//! Prometheus' own text beside OpenMetrics: what `curl` shows, what `promtool check metrics` reads, and what agents take
//! that know no OpenMetrics.
//!
//! The library writes OpenMetrics. The samples are the same in both; the older text names a family as its samples are
//! named, knows neither units nor texts as a type, and has no end.

/// The media type of OpenMetrics.
const OPEN_METRICS: &str = "application/openmetrics-text";

/// The forms in which metrics are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextFormat {
    /// For those who ask for it: OpenMetrics 1.0.
    OpenMetrics,
    /// For all others: Prometheus' text 0.0.4.
    Classic,
}

impl TextFormat {
    /// What a client likes best, by its `Accept` header.
    pub fn wanted(accept: Option<&str>) -> Self {
        let (mut open_metrics, mut plain) = (0.0_f32, 0.0_f32);
        for range in accept.unwrap_or_default().split(',') {
            let mut parts = range.split(';').map(str::trim);
            let media_type = parts.next().unwrap_or_default().to_ascii_lowercase();
            let quality = parts.find_map(|part| part.strip_prefix("q="));
            // What is no number is worth nothing.
            let quality: f32 = quality.map_or(1.0, |quality| quality.parse().unwrap_or(0.0));
            match media_type.as_str() {
                OPEN_METRICS => open_metrics = quality.max(open_metrics),
                "text/plain" | "text/*" | "*/*" => plain = quality.max(plain),
                _ => {}
            }
        }
        if open_metrics > 0.0 && open_metrics >= plain { Self::OpenMetrics } else { Self::Classic }
    }

    /// What it is called.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Classic => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// The same metrics in Prometheus' own text.
pub fn classic(open_metrics: &str) -> String {
    let mut text = String::with_capacity(open_metrics.len());
    let mut lines = open_metrics.lines().peekable();
    while let Some(line) = lines.next() {
        if let Some((family, help)) = line.strip_prefix("# HELP ").and_then(|rest| rest.split_once(' ')) {
            // The type follows.
            let kind = lines.peek().and_then(|next| next.rsplit(' ').next()).unwrap_or_default();
            text.extend(["# HELP ", family, suffix_of(kind), " ", help, "\n"]);
        } else if let Some((family, kind)) =
            line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' '))
        {
            text.extend(["# TYPE ", family, suffix_of(kind), " ", classic_kind(kind), "\n"]);
        } else if !line.starts_with('#') {
            text.extend([line, "\n"]);
        }
    }
    text
}

/// How the samples of a family end.
fn suffix_of(kind: &str) -> &'static str {
    match kind {
        "counter" => "_total",
        "info" => "_info",
        _ => "",
    }
}

fn classic_kind(kind: &str) -> &str {
    match kind {
        "info" => "gauge",
        "unknown" => "untyped",
        kind => kind,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_for_openmetrics_gets_it() {
        for accept in [
            "application/openmetrics-text",
            "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;\
             version=0.0.4;q=0.5,*/*;q=0.1",
            "Application/OpenMetrics-Text; version=1.0.0, */*",
        ] {
            assert_eq!(TextFormat::wanted(Some(accept)), TextFormat::OpenMetrics, "{accept}");
        }
        for accept in [
            None,
            Some(""),
            Some("*/*"),
            Some("text/plain;version=0.0.4"),
            Some("application/openmetrics-text;q=0"),
            Some("application/openmetrics-text;q=x"),
            Some("application/openmetrics-text;q=0.2,text/plain;q=0.5"),
        ] {
            assert_eq!(TextFormat::wanted(accept), TextFormat::Classic, "{accept:?}");
        }
    }

    #[test]
    fn families_are_named_as_their_samples_are() {
        let open_metrics = "\
# HELP a_build What it is.
# TYPE a_build info
a_build_info{version=\"1\"} 1
# HELP a_wait_seconds Seconds of waiting.
# TYPE a_wait_seconds counter
# UNIT a_wait_seconds seconds
a_wait_seconds_total 1.5
# HELP a_size_bytes Bytes.
# TYPE a_size_bytes gauge
# UNIT a_size_bytes bytes
a_size_bytes{name=\"# x\"} 17
# HELP a_seconds Seconds.
# TYPE a_seconds histogram
a_seconds_sum 1.5
a_seconds_count 1
a_seconds_bucket{le=\"+Inf\"} 1
# EOF
";
        let wanted = "\
# HELP a_build_info What it is.
# TYPE a_build_info gauge
a_build_info{version=\"1\"} 1
# HELP a_wait_seconds_total Seconds of waiting.
# TYPE a_wait_seconds_total counter
a_wait_seconds_total 1.5
# HELP a_size_bytes Bytes.
# TYPE a_size_bytes gauge
a_size_bytes{name=\"# x\"} 17
# HELP a_seconds Seconds.
# TYPE a_seconds histogram
a_seconds_sum 1.5
a_seconds_count 1
a_seconds_bucket{le=\"+Inf\"} 1
";
        assert_eq!(classic(open_metrics), wanted);
    }
}
