//! DES of up to 64 blocks at a time: the MACs of many messages under one key.
//!
//! Word `n` holds bit `n` of each block (FIPS 46-3 counts bits from the left), and each message has
//! a bit of the word. So S-boxes are logic, not tables: no access to memory depends on a key or a
//! message. A block costs the less the more there are together.

use zeroize::Zeroize;

/// Messages that are computed together at most.
const LANES: usize = 64;
/// Fewer messages cost less one after the other.
pub const LANES_MIN: usize = 10;

/// One bit of each message.
type Plane = u64;

/// The round keys: all ones where the key has a one, the same for each message. On the heap: the
/// part of the stack that the sockets wipe is not much larger.
struct LanesKey(Vec<[Plane; 48]>);

impl LanesKey {
    fn new(key: &[u8]) -> LanesKey {
        let bit = |from: u8| {
            let from = usize::from(from) - 1;
            key.get(from / 8).map_or(0, |byte| byte >> (7 - from % 8) & 1)
        };
        let mut halves = PC_1.map(bit);
        let mut rounds = vec![[0; 48]; SHIFTS.len()];
        for (round, shift) in rounds.iter_mut().zip(SHIFTS) {
            let (left, right) = halves.split_at_mut(28);
            left.rotate_left(shift);
            right.rotate_left(shift);
            for (plane, from) in round.iter_mut().zip(PC_2) {
                *plane = 0_u64.wrapping_sub(halves[usize::from(from) - 1].into());
            }
        }
        halves.zeroize();
        LanesKey(rounds)
    }

    fn encrypt(&self, blocks: &mut [Plane; 64]) {
        apply(self.0.iter(), blocks);
    }

    fn decrypt(&self, blocks: &mut [Plane; 64]) {
        apply(self.0.iter().rev(), blocks);
    }
}

fn apply<'k>(round_keys: impl Iterator<Item = &'k [Plane; 48]>, blocks: &mut [Plane; 64]) {
    let [mut left, mut right] = [[0; 32]; 2];
    for (place, from) in IP.into_iter().enumerate() {
        let half = if place < 32 { &mut left } else { &mut right };
        half[place % 32] = blocks[from - 1];
    }
    for key in round_keys {
        mix(&mut left, &right, key);
        std::mem::swap(&mut left, &mut right);
    }
    // The halves are exchanged once more at the end.
    for (place, to) in IP.into_iter().enumerate() {
        let half = if place < 32 { &right } else { &left };
        blocks[to - 1] = half[place % 32];
    }
}

impl Drop for LanesKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// X9.19 (ISO 9797-1 algorithm 3, padding 1) of messages under a key of 16 bytes.
pub fn retail_macs(key: &[u8], messages: &[&[u8]]) -> Vec<[u8; 8]> {
    let (left, right) = key.split_at(8);
    let halves = [LanesKey::new(left), LanesKey::new(right)];
    messages.chunks(LANES).flat_map(|messages| retail_lanes(&halves, messages)).collect()
}

/// The MACs of at most [`LANES`] messages.
fn retail_lanes(
    [left, right]: &[LanesKey; 2],
    messages: &[&[u8]],
) -> impl Iterator<Item = [u8; 8]> {
    let blocks = |message: &[u8]| message.len().div_ceil(8).max(1);
    let longest = messages.iter().map(|message| blocks(message)).max().unwrap_or(0);
    let (mut chained, mut last) = ([0; 64], [0; 64]);
    for number in 0..longest {
        let mut ending = 0;
        let mut block = [0; LANES];
        for (lane, message) in messages.iter().enumerate() {
            let mut bytes = [0; 8];
            let here = message.get(8 * number..).unwrap_or_default();
            let here = &here[..here.len().min(8)];
            bytes[..here.len()].copy_from_slice(here);
            block[lane] = u64::from_be_bytes(bytes);
            ending |= u64::from(blocks(message) == number + 1) << (LANES - 1 - lane);
        }
        transpose(&mut block);
        for ((chained, block), last) in chained.iter_mut().zip(block).zip(&mut last) {
            *chained ^= block;
            *last |= *chained & ending;
        }
        block.zeroize();
        left.encrypt(&mut chained);
    }
    left.encrypt(&mut last);
    right.decrypt(&mut last);
    left.encrypt(&mut last);
    transpose(&mut last);
    chained.zeroize();
    last.into_iter().map(u64::to_be_bytes).take(messages.len())
}

/// Exchanges rows and columns: the first row is the first word, the first column the highest bit.
fn transpose(rows: &mut [u64; 64]) {
    let (mut width, mut mask) = (32, u64::MAX >> 32);
    while width > 0 {
        for row in (0..64).filter(|row| row & width == 0) {
            let changed = (rows[row] ^ rows[row + width] >> width) & mask;
            rows[row] ^= changed;
            rows[row + width] ^= changed << width;
        }
        width >>= 1;
        mask ^= mask << width;
    }
}

/// XORs a round's function of one half into the other half.
#[inline(never)]
fn mix(into: &mut [Plane; 32], from: &[Plane; 32], key: &[Plane; 48]) {
    macro_rules! s_boxes {
        ($($number:literal)+) => {$(
            let keyed = |place: usize| {
                from[(4 * $number + place + 31) % 32] ^ key[6 * $number + place]
            };
            let inputs = [5, 4, 3, 2, 1, 0].map(keyed);
            let sums = leaves(inputs[0], inputs[1]);
            let upper = [inputs[2], inputs[3], inputs[4], inputs[5]];
            into[P_TO[4 * $number]] ^= output::<{ polynomial($number, 0) }>(&sums, &upper);
            into[P_TO[4 * $number + 1]] ^= output::<{ polynomial($number, 1) }>(&sums, &upper);
            into[P_TO[4 * $number + 2]] ^= output::<{ polynomial($number, 2) }>(&sums, &upper);
            into[P_TO[4 * $number + 3]] ^= output::<{ polynomial($number, 3) }>(&sums, &upper);
        )+};
    }
    s_boxes!(0 1 2 3 4 5 6 7);
}

/// All sums of 1, `a`, `b` and `ab`. Bits of the index, from the lowest, say which.
#[inline(always)]
fn leaves(a: Plane, b: Plane) -> [Plane; 16] {
    let terms = [Plane::MAX, a, b, a & b];
    let mut sums = [0; 16];
    for index in 1..16_usize {
        sums[index] = sums[index & (index - 1)] ^ terms[index.trailing_zeros() as usize];
    }
    sums
}

/// A bit of an S-box by its polynomial, of which each four bits are a leaf.
#[inline(always)]
fn output<const POLYNOMIAL: u64>(leaves: &[Plane; 16], upper: &[Plane; 4]) -> Plane {
    let mut sums = [0; 16];
    for (index, sum) in sums.iter_mut().enumerate() {
        *sum = leaves[(POLYNOMIAL >> (4 * index) & 15) as usize];
    }
    for (input, halves) in upper.iter().zip([8, 4, 2, 1]) {
        for index in 0..halves {
            sums[index] = sums[2 * index] ^ input & sums[2 * index + 1];
        }
    }
    sums[0]
}

/// The coefficients of a bit of an S-box (its highest bit is 0) as a polynomial over two elements:
/// bit `n` that of the product of the inputs whose bits are set in `n`.
const fn polynomial(number: usize, bit: usize) -> u64 {
    let mut table = 0;
    let mut input = 0;
    while input < 64 {
        let (row, column) = ((input >> 4 & 2) | input & 1, input >> 1 & 15);
        let value = S_BOXES[number][row * 16 + column];
        table |= ((value >> (3 - bit) & 1) as u64) << input;
        input += 1;
    }
    let mut variable = 0;
    while variable < 6 {
        let mut set = 0;
        while set < 64 {
            if set >> variable & 1 == 1 {
                table ^= (table >> (set - (1 << variable)) & 1) << set;
            }
            set += 1;
        }
        variable += 1;
    }
    table
}

const IP: [usize; 64] = [
    58, 50, 42, 34, 26, 18, 10, 2, 60, 52, 44, 36, 28, 20, 12, 4, 62, 54, 46, 38, 30, 22, 14, 6,
    64, 56, 48, 40, 32, 24, 16, 8, 57, 49, 41, 33, 25, 17, 9, 1, 59, 51, 43, 35, 27, 19, 11, 3, 61,
    53, 45, 37, 29, 21, 13, 5, 63, 55, 47, 39, 31, 23, 15, 7,
];
const P: [usize; 32] = [
    16, 7, 20, 21, 29, 12, 28, 17, 1, 15, 23, 26, 5, 18, 31, 10, 2, 8, 24, 14, 32, 27, 3, 9, 19,
    13, 30, 6, 22, 11, 4, 25,
];
/// Where a bit of the S-boxes goes.
const P_TO: [usize; 32] = {
    let mut to = [0; 32];
    let mut place = 0;
    while place < 32 {
        to[P[place] - 1] = place;
        place += 1;
    }
    to
};
const PC_1: [u8; 56] = [
    57, 49, 41, 33, 25, 17, 9, 1, 58, 50, 42, 34, 26, 18, 10, 2, 59, 51, 43, 35, 27, 19, 11, 3, 60,
    52, 44, 36, 63, 55, 47, 39, 31, 23, 15, 7, 62, 54, 46, 38, 30, 22, 14, 6, 61, 53, 45, 37, 29,
    21, 13, 5, 28, 20, 12, 4,
];
const PC_2: [u8; 48] = [
    14, 17, 11, 24, 1, 5, 3, 28, 15, 6, 21, 10, 23, 19, 12, 4, 26, 8, 16, 7, 27, 20, 13, 2, 41, 52,
    31, 37, 47, 55, 30, 40, 51, 45, 33, 48, 44, 49, 39, 56, 34, 53, 46, 42, 50, 36, 29, 32,
];
const SHIFTS: [usize; 16] = [1, 1, 2, 2, 2, 2, 2, 2, 1, 2, 2, 2, 2, 2, 2, 1];
const S_BOXES: [[u8; 64]; 8] = [
    [
        14, 4, 13, 1, 2, 15, 11, 8, 3, 10, 6, 12, 5, 9, 0, 7, 0, 15, 7, 4, 14, 2, 13, 1, 10, 6, 12,
        11, 9, 5, 3, 8, 4, 1, 14, 8, 13, 6, 2, 11, 15, 12, 9, 7, 3, 10, 5, 0, 15, 12, 8, 2, 4, 9,
        1, 7, 5, 11, 3, 14, 10, 0, 6, 13,
    ],
    [
        15, 1, 8, 14, 6, 11, 3, 4, 9, 7, 2, 13, 12, 0, 5, 10, 3, 13, 4, 7, 15, 2, 8, 14, 12, 0, 1,
        10, 6, 9, 11, 5, 0, 14, 7, 11, 10, 4, 13, 1, 5, 8, 12, 6, 9, 3, 2, 15, 13, 8, 10, 1, 3, 15,
        4, 2, 11, 6, 7, 12, 0, 5, 14, 9,
    ],
    [
        10, 0, 9, 14, 6, 3, 15, 5, 1, 13, 12, 7, 11, 4, 2, 8, 13, 7, 0, 9, 3, 4, 6, 10, 2, 8, 5,
        14, 12, 11, 15, 1, 13, 6, 4, 9, 8, 15, 3, 0, 11, 1, 2, 12, 5, 10, 14, 7, 1, 10, 13, 0, 6,
        9, 8, 7, 4, 15, 14, 3, 11, 5, 2, 12,
    ],
    [
        7, 13, 14, 3, 0, 6, 9, 10, 1, 2, 8, 5, 11, 12, 4, 15, 13, 8, 11, 5, 6, 15, 0, 3, 4, 7, 2,
        12, 1, 10, 14, 9, 10, 6, 9, 0, 12, 11, 7, 13, 15, 1, 3, 14, 5, 2, 8, 4, 3, 15, 0, 6, 10, 1,
        13, 8, 9, 4, 5, 11, 12, 7, 2, 14,
    ],
    [
        2, 12, 4, 1, 7, 10, 11, 6, 8, 5, 3, 15, 13, 0, 14, 9, 14, 11, 2, 12, 4, 7, 13, 1, 5, 0, 15,
        10, 3, 9, 8, 6, 4, 2, 1, 11, 10, 13, 7, 8, 15, 9, 12, 5, 6, 3, 0, 14, 11, 8, 12, 7, 1, 14,
        2, 13, 6, 15, 0, 9, 10, 4, 5, 3,
    ],
    [
        12, 1, 10, 15, 9, 2, 6, 8, 0, 13, 3, 4, 14, 7, 5, 11, 10, 15, 4, 2, 7, 12, 9, 5, 6, 1, 13,
        14, 0, 11, 3, 8, 9, 14, 15, 5, 2, 8, 12, 3, 7, 0, 4, 10, 1, 13, 11, 6, 4, 3, 2, 12, 9, 5,
        15, 10, 11, 14, 1, 7, 6, 0, 8, 13,
    ],
    [
        4, 11, 2, 14, 15, 0, 8, 13, 3, 12, 9, 7, 5, 10, 6, 1, 13, 0, 11, 7, 4, 9, 1, 10, 14, 3, 5,
        12, 2, 15, 8, 6, 1, 4, 11, 13, 12, 3, 7, 14, 10, 15, 6, 8, 0, 5, 9, 2, 6, 11, 13, 8, 1, 4,
        10, 7, 9, 5, 0, 15, 14, 2, 3, 12,
    ],
    [
        13, 2, 8, 4, 6, 15, 11, 1, 10, 9, 3, 14, 5, 0, 12, 7, 1, 15, 13, 8, 10, 3, 7, 4, 12, 5, 6,
        11, 0, 14, 9, 2, 7, 11, 4, 1, 9, 12, 14, 2, 0, 6, 10, 13, 15, 3, 5, 8, 2, 1, 14, 7, 4, 10,
        8, 13, 15, 12, 9, 0, 3, 5, 6, 11,
    ],
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::key::TdesKey;
    use crate::mac::{self, MacMethod};

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn many_macs_are_those_of_each_message(
            key in any::<[u8; 16]>(),
            messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..140),
        ) {
            let of_one = TdesKey::new(&key).unwrap();
            let expected: Vec<_> = messages.iter().map(|message| {
                mac::compute(MacMethod::X9_19, &of_one, message).unwrap()
            }).collect();
            let messages: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
            prop_assert_eq!(retail_macs(&key, &messages), expected);
        }
    }

    /// The worked example of J. O. Grabbe, "The DES Algorithm Illustrated".
    #[test]
    fn a_block_has_the_published_ciphertext() {
        let key = LanesKey::new(&[0x13, 0x34, 0x57, 0x79, 0x9B, 0xBC, 0xDF, 0xF1]);
        let mut blocks = [0x0123_4567_89AB_CDEF_u64; 64];
        transpose(&mut blocks);
        key.encrypt(&mut blocks);
        transpose(&mut blocks);
        assert_eq!(blocks, [0x85E8_1354_0F0A_B405; 64]);
        transpose(&mut blocks);
        key.decrypt(&mut blocks);
        transpose(&mut blocks);
        assert_eq!(blocks, [0x0123_4567_89AB_CDEF; 64]);
    }
}
