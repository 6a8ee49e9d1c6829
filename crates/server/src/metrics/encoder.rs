//! Writes metrics under the names that are served, so that a search for a name finds the line that writes it.
//!
//! The library puts unit and `_total` behind a name itself; here they are taken off the full name again.

use std::fmt;

use prometheus_client::encoding::{
    DescriptorEncoder, EncodeCounterValue, EncodeGaugeValue, EncodeLabelSet, EncodeMetric,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Unit;

/// The text that Prometheus reads, while it is written.
pub struct Encoder<'a>(DescriptorEncoder<'a>);

impl<'a> Encoder<'a> {
    /// Writes through the library's encoder.
    pub fn new(encoder: DescriptorEncoder<'a>) -> Self {
        Encoder(encoder)
    }

    /// A number or a sum that only grows; its name ends in `_total`.
    pub fn counter<N: EncodeCounterValue>(&mut self, name: &str, help: &str, value: N) -> fmt::Result {
        self.write(stem_of_counter(name), help, &ConstCounter::new(value))
    }

    /// A counter for each set of labels.
    pub fn counters(&mut self, name: &str, help: &str, values: &[(impl EncodeLabelSet, u64)]) -> fmt::Result {
        self.write_family(stem_of_counter(name), help, values, ConstCounter::new)
    }

    /// The state at this moment.
    pub fn gauge<N: EncodeGaugeValue>(&mut self, name: &str, help: &str, value: N) -> fmt::Result {
        self.write(name, help, &ConstGauge::new(value))
    }

    /// A gauge for each set of labels.
    pub fn gauges(&mut self, name: &str, help: &str, values: &[(impl EncodeLabelSet, u64)]) -> fmt::Result {
        self.write_family(name, help, values, ConstGauge::new)
    }

    /// A histogram for each set of labels.
    pub fn histograms(
        &mut self,
        name: &str,
        help: &str,
        values: &[(impl EncodeLabelSet, &Histogram)],
    ) -> fmt::Result {
        let (stem, unit) = without_unit(name);
        let mut family = self.0.encode_descriptor(stem, help, unit.as_ref(), MetricType::Histogram)?;
        values.iter().try_for_each(|(labels, values)| values.encode(family.encode_family(labels)?))
    }

    /// Text that does not change while the process runs; the name ends in `_info`.
    pub fn info(&mut self, name: &str, help: &str, labels: [(&'static str, &'static str); 3]) -> fmt::Result {
        let stem = name.strip_suffix("_info").expect("names of texts end in _info");
        self.write(stem, help, &Info::new(labels))
    }

    fn write(&mut self, stem: &str, help: &str, metric: &impl EncodeMetric) -> fmt::Result {
        let (stem, unit) = without_unit(stem);
        metric.encode(self.0.encode_descriptor(stem, help, unit.as_ref(), metric.metric_type())?)
    }

    fn write_family<M: EncodeMetric>(
        &mut self,
        stem: &str,
        help: &str,
        values: &[(impl EncodeLabelSet, u64)],
        metric: fn(u64) -> M,
    ) -> fmt::Result {
        let (stem, unit) = without_unit(stem);
        let metric_type: MetricType = metric(0).metric_type();
        let mut family = self.0.encode_descriptor(stem, help, unit.as_ref(), metric_type)?;
        values.iter().try_for_each(|(labels, value)| metric(*value).encode(family.encode_family(labels)?))
    }
}

/// A time or a span of time, in the unit of all metrics.
pub fn seconds(milliseconds: i64) -> f64 {
    milliseconds as f64 / 1_000.0
}

fn stem_of_counter(name: &str) -> &str {
    name.strip_suffix("_total").expect("names of counters end in _total")
}

/// A name without its unit, and the unit: base units only, as Prometheus' naming practice has it.
fn without_unit(stem: &str) -> (&str, Option<Unit>) {
    for (ending, unit) in [("_seconds", Unit::Seconds), ("_bytes", Unit::Bytes)] {
        if let Some(rest) = stem.strip_suffix(ending) {
            return (rest, Some(unit));
        }
    }
    (stem, None)
}
