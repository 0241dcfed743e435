//! Percentile intervals by resampling rows (Efron 1979), from a seed.

use std::collections::BTreeMap;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::Serialize;

/// How intervals are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Bootstrap {
    /// How many times the rows are drawn anew; 0 gives no intervals.
    pub resamples: usize,
    /// The seed: the same gives the same intervals.
    pub seed: u64,
}

/// The middle 95 % of a figure's resampled values.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// The 2.5th percentile.
    pub low: f64,
    /// The 97.5th percentile.
    pub high: f64,
}

impl Bootstrap {
    /// Intervals of the figures that `figures` makes of a sample of row numbers below `rows`.
    pub(super) fn intervals<F>(self, rows: usize, figures: F) -> BTreeMap<&'static str, Interval>
    where
        F: Fn(&[usize]) -> Vec<(&'static str, f64)>,
    {
        let mut random = StdRng::seed_from_u64(self.seed);
        let mut values: BTreeMap<&'static str, Vec<f64>> = BTreeMap::new();
        let mut sample = vec![0; rows];
        for _ in 0..self.resamples {
            for row in &mut sample {
                *row = random.random_range(0..rows);
            }
            for (name, value) in figures(&sample) {
                values.entry(name).or_default().push(value);
            }
        }
        values
            .into_iter()
            .map(|(name, values)| (name, middle(values)))
            .collect()
    }
}

fn middle(mut values: Vec<f64>) -> Interval {
    values.sort_by(f64::total_cmp);
    Interval {
        low: percentile(&values, 0.025),
        high: percentile(&values, 0.975),
    }
}

/// Linear between the two nearest of sorted values.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss
)]
fn percentile(sorted: &[f64], part: f64) -> f64 {
    let at = part * sorted.len().saturating_sub(1) as f64;
    let below = at.floor() as usize;
    let value = |n: usize| sorted.get(n).or(sorted.last()).copied().unwrap_or(f64::NAN);
    value(below) + (value(below + 1) - value(below)) * (at - at.floor())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_holds_the_middle_and_follows_the_seed() {
        assert_eq!(percentile(&[0.0, 1.0, 2.0, 3.0, 4.0], 0.5), 2.0);
        assert_eq!(percentile(&[1.0, 2.0], 0.25), 1.25);
        assert_eq!(percentile(&[7.0], 0.975), 7.0);
        // The mean of 0/1 rows, half of 400: the standard error is 0.025.
        #[allow(clippy::cast_precision_loss)]
        let mean = |sample: &[usize]| {
            let ones = sample.iter().filter(|row| *row % 2 == 0).count();
            vec![("mean", ones as f64 / sample.len() as f64)]
        };
        let draw = |seed| {
            Bootstrap {
                resamples: 2000,
                seed,
            }
            .intervals(400, mean)["mean"]
        };
        let interval = draw(7);
        assert!((interval.low - 0.451).abs() < 0.006, "{interval:?}");
        assert!((interval.high - 0.549).abs() < 0.006, "{interval:?}");
        assert_eq!(interval, draw(7));
        assert_ne!(interval, draw(8));
    }
}
