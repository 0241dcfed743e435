//! The nearest of many embeddings: the signs of their dimensions stand in memory and choose candidates, which
//! the caller then compares in full.
//!
//! 384 signs are 48 bytes; with the row that they belong to a vector takes 56, a million 56 MB. Two vectors
//! whose signs differ in `h` of `d` places are about `pi * h / d` apart in angle (Charikar 2002, random
//! hyperplanes; the dimensions stand for the hyperplanes here). Of the vector that is asked about more is known than
//! its signs, so those that differ least are weighed by its values: a sign that differs where it is small says little
//! (the asymmetric distance of Gordo and Perronnin 2011). Knows rows, not posts, and reads nothing.

/// Dimensions of an embedding.
pub const DIMENSIONS: usize = 384;

const WORDS: usize = DIMENSIONS / 64;

/// So many times the vectors that are wanted are weighed.
const WEIGHED: usize = 20;

/// The signs of an embedding, a bit a dimension: 1 where it is negative.
pub type Signs = [u64; WORDS];

/// The signs of a vector; `None` unless it has [`DIMENSIONS`] dimensions.
#[must_use]
pub fn signs(vector: &[i8]) -> Option<Signs> {
    if vector.len() != DIMENSIONS {
        return None;
    }
    let mut signs = [0; WORDS];
    for (word, values) in signs.iter_mut().zip(vector.chunks_exact(64)) {
        for (bit, value) in values.iter().enumerate() {
            *word |= u64::from(*value < 0) << bit;
        }
    }
    Some(signs)
}

/// The vector whose neighbours are wanted.
#[derive(Debug)]
pub struct Wanted {
    signs: Signs,
    /// For each eight dimensions, the sum of this vector's values where the bits say that signs differ.
    weights: Vec<[u16; 256]>,
}

impl Wanted {
    /// Prepares a vector; `None` unless it has [`DIMENSIONS`] dimensions.
    #[must_use]
    pub fn new(vector: &[i8]) -> Option<Self> {
        let weights = |values: &[i8]| {
            let mut sums = [0_u16; 256];
            for bits in 1..sums.len() {
                let value = values[bits.trailing_zeros() as usize].unsigned_abs();
                sums[bits] = sums[bits & (bits - 1)] + u16::from(value);
            }
            sums
        };
        Some(Self {
            signs: signs(vector)?,
            weights: vector.chunks_exact(8).map(weights).collect(),
        })
    }

    /// In how many places the signs differ.
    fn differing(&self, signs: &Signs) -> u32 {
        let words = self.signs.iter().zip(signs);
        words.map(|(a, b)| (a ^ b).count_ones()).sum()
    }

    /// The sum of this vector's values, without their signs, in these places.
    fn weight(&self, signs: &Signs) -> u32 {
        let words = self.signs.iter().zip(signs);
        let bytes = words.flat_map(|(a, b)| (a ^ b).to_le_bytes());
        let weights = self.weights.iter().zip(bytes);
        weights
            .map(|(sums, bits)| u32::from(sums[usize::from(bits)]))
            .sum()
    }
}

/// The cosine of the angle between two vectors of one length, -1 to 1; 0 when one of them is all zeros.
#[must_use]
pub fn cosine(a: &[i8], b: &[i8]) -> f32 {
    let dot = |a: &[i8], b: &[i8]| -> i32 {
        let products = a.iter().zip(b).map(|(a, b)| i32::from(*a) * i32::from(*b));
        products.sum()
    };
    // 384 products of at most 16,384 are below 2^23, so that an f32 holds them exactly.
    #[allow(clippy::cast_precision_loss)]
    let [both, first, second] = [dot(a, b), dot(a, a), dot(b, b)].map(|sum| sum as f32);
    let lengths = first.sqrt() * second.sqrt();
    if lengths == 0.0 { 0.0 } else { both / lengths }
}

/// The signs of all embeddings, by row.
#[derive(Debug, Default)]
pub struct SignIndex {
    /// Ascending.
    rows: Vec<i64>,
    signs: Vec<Signs>,
}

impl SignIndex {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Takes new and changed signs, one for each row at most; a row without signs is taken out.
    pub fn update(&mut self, changed: Vec<(i64, Option<Signs>)>) {
        let mut added = Vec::new();
        let mut removed = Vec::new();
        for (row, signs) in changed {
            match (self.rows.binary_search(&row), signs) {
                (Ok(at), Some(signs)) => self.signs[at] = signs,
                (Ok(_), None) => removed.push(row),
                (Err(_), Some(signs)) => added.push((row, signs)),
                (Err(_), None) => {}
            }
        }
        if !removed.is_empty() {
            removed.sort_unstable();
            let kept = |row: &i64| removed.binary_search(row).is_err();
            let mut keep = self.rows.iter().map(kept);
            self.signs.retain(|_| keep.next().unwrap_or(true));
            self.rows.retain(kept);
        }
        added.sort_unstable_by_key(|(row, _)| *row);
        let last = self.rows.last().copied();
        let in_order = added.first().is_none_or(|(row, _)| Some(*row) > last);
        self.rows.extend(added.iter().map(|(row, _)| *row));
        self.signs.extend(added.iter().map(|(_, signs)| *signs));
        if !in_order {
            let mut order: Vec<usize> = (0..self.rows.len()).collect();
            order.sort_by_key(|at| self.rows[*at]);
            self.signs = order.iter().map(|at| self.signs[*at]).collect();
            self.rows.sort_unstable();
        }
    }

    /// The rows of the `count` vectors that seem nearest, in no order. Reads all signs once.
    #[must_use]
    pub fn nearest(&self, wanted: &Wanted, count: usize) -> Vec<i64> {
        let mut weighed: Vec<(u32, usize)> = self
            .differing_least(wanted, count.saturating_mul(WEIGHED))
            .into_iter()
            .map(|at| (wanted.weight(&self.signs[at]), at))
            .collect();
        if count < weighed.len() {
            weighed.select_nth_unstable(count);
            weighed.truncate(count);
        }
        weighed.into_iter().map(|(_, at)| self.rows[at]).collect()
    }

    /// Where the `count` vectors stand whose signs differ in the fewest places, ascending.
    fn differing_least(&self, wanted: &Wanted, count: usize) -> Vec<usize> {
        let mut by_distance = [0_usize; DIMENSIONS + 1];
        let distances: Vec<u16> = self
            .signs
            .iter()
            .map(|other| {
                let distance = wanted.differing(other);
                by_distance[distance as usize] += 1;
                u16::try_from(distance).unwrap_or(u16::MAX)
            })
            .collect();
        // All that are nearer than the last distance fit, and some that have it.
        let mut left = count;
        let mut last = 0;
        for (distance, vectors) in (0_u16..).zip(by_distance) {
            last = distance;
            match left.checked_sub(vectors) {
                Some(rest) => left = rest,
                None => break,
            }
        }
        let mut places = Vec::with_capacity(count.min(self.rows.len()));
        for (at, distance) in distances.iter().enumerate() {
            if *distance < last {
                places.push(at);
            } else if *distance == last && left > 0 {
                left -= 1;
                places.push(at);
            }
        }
        places
    }
}

#[cfg(test)]
mod tests {
    use rand::rngs::SmallRng;
    use rand::{RngExt, SeedableRng};

    use super::*;

    fn vector(rng: &mut SmallRng) -> Vec<i8> {
        (0..DIMENSIONS).map(|_| rng.random()).collect()
    }

    /// All rows with what the signs that differ cost, the plain way.
    fn by_hand(
        vectors: &[(i64, Vec<i8>)],
        wanted: &[i8],
        cost: impl Fn(i8) -> u32,
    ) -> Vec<(u32, i64)> {
        let mut all: Vec<(u32, i64)> = vectors
            .iter()
            .map(|(row, vector)| {
                let pairs = vector.iter().zip(wanted);
                let differing = pairs.filter(|(a, b)| (**a < 0) != (**b < 0));
                (differing.map(|(_, value)| cost(*value)).sum(), *row)
            })
            .collect();
        all.sort_unstable();
        all
    }

    #[test]
    fn the_nearest_signs_are_found_whatever_came_and_went() {
        let mut rng = SmallRng::seed_from_u64(5);
        let mut index = SignIndex::default();
        let mut vectors: Vec<(i64, Vec<i8>)> = Vec::new();
        for round in 0..20_i64 {
            // New rows above and between the known ones, some changed, some gone.
            let mut changed = Vec::new();
            for n in 0..30_i64 {
                let row = if n % 3 == 0 {
                    n * 40 + round
                } else {
                    10_000 + round * 40 + n
                };
                if vectors.iter().all(|(known, _)| *known != row) {
                    vectors.push((row, vector(&mut rng)));
                    changed.push((row, signs(&vectors.last().unwrap().1)));
                }
            }
            index.update(changed);
            for at in [3, 7] {
                vectors[at].1 = vector(&mut rng);
                index.update(vec![(vectors[at].0, signs(&vectors[at].1))]);
            }
            let (gone, _) = vectors.remove(5);
            index.update(vec![(gone, None), (-7, None)]);
            assert_eq!(index.len(), vectors.len());

            let wanted = vector(&mut rng);
            let prepared = Wanted::new(&wanted).unwrap();
            let compare = |expected: &[(u32, i64)], found: &[i64], count: usize| {
                let cost = |row: &i64| expected.iter().find(|(_, known)| known == row).unwrap().0;
                let mut costs: Vec<u32> = found.iter().map(cost).collect();
                costs.sort_unstable();
                let least = expected.iter().take(count).map(|(cost, _)| *cost);
                let least: Vec<u32> = least.collect();
                assert_eq!(costs, least, "{count} in round {round}");
            };
            let distances = by_hand(&vectors, &wanted, |_| 1);
            let weights = by_hand(&vectors, &wanted, |value| value.unsigned_abs().into());
            for count in [0, 1, 10, vectors.len(), vectors.len() + 5] {
                let places = index.differing_least(&prepared, count);
                assert!(places.is_sorted());
                let rows: Vec<i64> = places.into_iter().map(|at| index.rows[at]).collect();
                compare(&distances, &rows, count);
                // So few are all weighed.
                if count == 0 || count * WEIGHED >= vectors.len() {
                    compare(&weights, &index.nearest(&prepared, count), count);
                }
            }
        }
    }

    #[test]
    fn a_vector_of_another_length_has_no_signs() {
        assert_eq!(signs(&[1; 3]), None);
        assert_eq!(signs(&[]), None);
        assert_eq!(signs(&[-1; DIMENSIONS]), Some([u64::MAX; WORDS]));
        assert!(Wanted::new(&[1; DIMENSIONS + 8]).is_none());
    }

    #[test]
    fn the_cosine_is_that_of_the_angle() {
        assert!((cosine(&[3, 4], &[4, 3]) - 0.96).abs() < 1e-6);
        assert!((cosine(&[-128; DIMENSIONS], &[127; DIMENSIONS]) + 1.0).abs() < 1e-6);
        assert!(cosine(&[0; 4], &[1; 4]).abs() < 1e-9);
    }
}
