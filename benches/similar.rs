//! `similar:` over a million embeddings: weighed sign bits choose a thousand candidates, their vectors decide.
//!
//! The baseline compares every vector, in the same process, and says which ten are really the nearest.
//! The vectors are made by seeded code: clusters as texts about one thing make them, 384 signed bytes each.
//!
//! `cargo bench --bench similar [-- COUNT]`

use std::time::{Duration, Instant};

use overheard::index::nearest::{DIMENSIONS, SignIndex, Wanted, cosine, signs};
use overheard::insight::similar::CANDIDATES;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

const QUERIES: usize = 200;
/// Vectors about one thing: more than there are candidates, or choosing among them would be easy.
const CLUSTER: usize = 5_000;
/// How far a vector strays from its cluster's centre, against the centre's length.
const SPREAD: f32 = 1.0;

fn main() {
    let count = std::env::args()
        .skip(1)
        .find_map(|argument| argument.parse().ok())
        .unwrap_or(1_000_000);
    let mut rng = SmallRng::seed_from_u64(11);
    let vectors = vectors(count, &mut rng);
    let mut index = SignIndex::default();
    let began = Instant::now();
    let rows = (0_i64..).zip(&vectors);
    index.update(rows.map(|(row, vector)| (row, signs(vector))).collect());
    let built = began.elapsed();

    let (mut fast, mut exact, mut found) = (Vec::new(), Vec::new(), 0);
    for _ in 0..QUERIES {
        let wanted = &vectors[rng.random_range(0..vectors.len())];
        let began = Instant::now();
        let prepared = Wanted::new(wanted).expect("384 dimensions");
        let candidates = index.nearest(&prepared, CANDIDATES);
        let ours = best(candidates.into_iter().map(at), &vectors, wanted);
        fast.push(began.elapsed());
        let began = Instant::now();
        let all = best(0..vectors.len(), &vectors, wanted);
        exact.push(began.elapsed());
        found += all.iter().filter(|row| ours.contains(row)).count();
    }
    let recall = ratio(found, QUERIES * 10);
    let (fast, exact) = (Spread::of(fast), Spread::of(exact));
    println!("{count} vectors of {DIMENSIONS} bytes, {QUERIES} queries for the nearest 10");
    println!(
        "signs, then {CANDIDATES} vectors: p50 {:.1} ms, p99 {:.1} ms",
        fast.p50, fast.p99
    );
    println!(
        "every vector:              p50 {:.1} ms, p99 {:.1} ms",
        exact.p50, exact.p99
    );
    println!(
        "ratio (p50): {:.1}; recall@10: {recall:.3}",
        exact.p50 / fast.p50
    );
    println!(
        "memory of signs and rows: {} MB; built in {:.2} s",
        count * (DIMENSIONS / 8 + 8) / 1_000_000,
        built.as_secs_f64()
    );
    assert!(recall > 0.0, "nothing was found");
}

/// Vectors in clusters, in a mixed order.
fn vectors(count: usize, rng: &mut SmallRng) -> Vec<Vec<i8>> {
    let centres: Vec<Vec<f32>> = (0..count.div_ceil(CLUSTER))
        .map(|_| (0..DIMENSIONS).map(|_| normal(rng)).collect())
        .collect();
    (0..count)
        .map(|n| {
            let centre = &centres[n % centres.len()];
            let place = |value: &f32| {
                let strayed = value + SPREAD * normal(rng);
                #[allow(clippy::cast_possible_truncation)]
                let byte = (strayed * 25.0).clamp(-127.0, 127.0) as i8;
                byte
            };
            centre.iter().map(place).collect()
        })
        .collect()
}

/// The sum of twelve even numbers is nearly normal; its spread is 1.
fn normal(rng: &mut SmallRng) -> f32 {
    (0..12).map(|_| rng.random::<f32>()).sum::<f32>() - 6.0
}

/// The ten rows that are nearest to `wanted`.
fn best(rows: impl Iterator<Item = usize>, vectors: &[Vec<i8>], wanted: &[i8]) -> Vec<usize> {
    let mut scored: Vec<(f32, usize)> = rows
        .map(|row| (cosine(&vectors[row], wanted), row))
        .collect();
    scored.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    scored.into_iter().take(10).map(|(_, row)| row).collect()
}

fn at(row: i64) -> usize {
    usize::try_from(row).expect("rows count from 0")
}

#[allow(clippy::cast_precision_loss)]
fn ratio(part: usize, whole: usize) -> f64 {
    part as f64 / whole as f64
}

/// Milliseconds.
struct Spread {
    p50: f64,
    p99: f64,
}

impl Spread {
    fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        let at = |share: usize| times[(times.len() - 1) * share / 100].as_secs_f64() * 1000.0;
        Self {
            p50: at(50),
            p99: at(99),
        }
    }
}
