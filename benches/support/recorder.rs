//! A metrics recorder that keeps every value of one histogram, so that a bench can take exact quantiles.

use std::sync::{Arc, Mutex};

use metrics::{
    Counter, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit,
};

/// The values of one histogram since they were last taken.
#[derive(Clone, Default)]
pub struct Kept(Arc<Mutex<Vec<f64>>>);

impl Kept {
    /// Installs a recorder that keeps the values of `name`.
    pub fn install(name: &'static str) -> Self {
        let kept = Self::default();
        let one = One {
            name,
            kept: kept.clone(),
        };
        metrics::set_global_recorder(one).expect("no other recorder");
        kept
    }

    /// Takes the values, sorted.
    pub fn take(&self) -> Vec<f64> {
        let mut values = std::mem::take(&mut *self.0.lock().expect("no panic"));
        values.sort_by(f64::total_cmp);
        values
    }
}

impl HistogramFn for Kept {
    fn record(&self, value: f64) {
        self.0.lock().expect("no panic").push(value);
    }
}

struct One {
    name: &'static str,
    kept: Kept,
}

impl Recorder for One {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, _: &Key, _: &Metadata<'_>) -> Counter {
        Counter::noop()
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        if key.name() == self.name {
            Histogram::from_arc(Arc::new(self.kept.clone()))
        } else {
            Histogram::noop()
        }
    }
}
