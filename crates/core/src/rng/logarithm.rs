//! Binary logarithms in integer arithmetic, so that they are the same on every machine.

/// Equal steps of the mantissa at which logarithms are tabulated, as a power of two. The table is small enough to stay in
/// the nearest cache.
const STEPS: u32 = 8;

/// How far [`bounds`] may be off on either side: 6 units where the curve leaves its parabola (a 43rd of the cube of the
/// step), and what is rounded.
const OFF: u64 = 10;

/// The fraction of the logarithm at each step of the mantissa, in units of 2^-32; at the last one it is 0 again.
static TABLE: [u32; (1 << STEPS) + 1] = table();

const fn table() -> [u32; (1 << STEPS) + 1] {
    let mut table = [0; (1 << STEPS) + 1];
    let mut step = 0;
    while step < 1 << STEPS {
        table[step] = fraction((1 << 63) + ((step as u64) << (63 - STEPS))) as u32;
        step += 1;
    }
    table
}

/// `-log2(draw / 2^64)` in units of 2^-32, for `draw` of at least 1.
pub(super) const fn exact(draw: u64) -> u64 {
    let whole = 63 - draw.leading_zeros() as u64;
    (64 << 32) - (whole << 32 | fraction(draw << draw.leading_zeros()))
}

/// The fraction of the logarithm of a mantissa whose highest bit is set. Squares it once for each bit.
const fn fraction(mut mantissa: u64) -> u64 {
    let mut fraction = 0;
    let mut bit = 0;
    while bit < 32 {
        let square = (mantissa as u128 * mantissa as u128) >> 63;
        let doubled = square >> 64 != 0;
        mantissa = if doubled { (square >> 1) as u64 } else { square as u64 };
        fraction = fraction << 1 | doubled as u64;
        bit += 1;
    }
    fraction
}

/// Bounds of [`exact`], both included, which take far less time.
pub(super) fn bounds(draw: u64) -> (u64, u64) {
    let whole = 63 - u64::from(draw.leading_zeros());
    let mantissa = draw << draw.leading_zeros() << 1;
    let step = (mantissa >> (64 - STEPS)) as usize;
    let within = mantissa << STEPS >> 32;
    let low = TABLE[step];
    let rise = u64::from(TABLE[step + 1].wrapping_sub(low));
    let chord = u64::from(low) + ((rise * within) >> 32);
    // The curve is a parabola above its chord, but for a few units: it bends by the square of its slope times ln 2.
    let bend = (((rise * rise) >> 32) * super::LN_2_Q32) >> 32;
    let above = (bend * ((within * ((1 << 32) - within)) >> 32)) >> 33;
    let negated = (64 << 32) - ((whole << 32) + chord + above);
    (negated.saturating_sub(OFF), negated + OFF)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Seed;

    #[test]
    fn the_exact_logarithm_lies_within_the_bounds() {
        let mut rng = Seed(5).stream("logarithm", 0);
        let edges = (0..64).flat_map(|bit| [1 << bit, (1 << bit) + 1, u64::MAX >> bit]);
        let anything = std::iter::repeat_with(|| rng.next_u64().max(1)).take(200_000);
        // A hundred places between any two neighbours of the table.
        let places = (0..100_u64 << STEPS).map(|place| (1 << 63) + place * ((1 << 63) / (100 << STEPS)));
        for draw in edges.chain(anything).chain(places) {
            let (least, most) = bounds(draw);
            assert!((least..=most).contains(&exact(draw)), "{draw}");
            assert!(most - least <= 2 * OFF);
        }
    }

    #[test]
    fn powers_of_two_have_whole_logarithms() {
        assert_eq!(exact(1), 64 << 32);
        assert_eq!(exact(1 << 63), 1 << 32);
    }
}
