//! Mutations of seeds, the same in every run.

/// The maximum number of changes to one input.
const MAX_CHANGES: u64 = 5;

/// The maximum size of an input.
const MAX_BYTES: usize = 8192;

/// Bytes with a special meaning in at least one of the parsed formats.
const SIGNIFICANT_BYTES: &[u8] =
    b"\0\x01\x0A\x0D\x12\x1F \"#%&'*+,-./0123456789:;<=>?@AEFZ[\\]_abefnrtuz{|}~\x7F\x80\xC2\xFF";

/// Produces new inputs from seeds.
pub struct Mutator<'a> {
    seeds: &'a [Vec<u8>],
    state: u64,
}

impl<'a> Mutator<'a> {
    pub fn new(seeds: &'a [Vec<u8>]) -> Self {
        Self { seeds, state: 0 }
    }

    /// The next input.
    pub fn next(&mut self) -> Vec<u8> {
        let mut data = self.seed().to_vec();
        for _ in 0..=self.below(MAX_CHANGES) {
            self.change(&mut data);
        }
        data.truncate(MAX_BYTES);
        data
    }

    fn change(&mut self, data: &mut Vec<u8>) {
        let at = self.index(data.len());
        match self.below(9) {
            0 => {
                let bit = self.below(8);
                data.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << bit);
            }
            1 => {
                let new = self.byte();
                data.iter_mut().skip(at).take(1).for_each(|byte| *byte = new);
            }
            2 => data.insert(at, self.significant_byte()),
            3 => data.insert(at, self.byte()),
            4 => {
                let end = data.len().min(at + 1 + self.index(8));
                data.drain(at..end);
            }
            // Copies a piece of the input: duplicates and repetitions.
            5 => {
                let piece = self.piece_of(data);
                data.splice(at..at, piece);
            }
            6 => {
                let seed = self.seed();
                let piece = self.piece_of(seed);
                data.splice(at..at, piece);
            }
            7 => {
                let seed = self.seed();
                let piece = self.piece_of(seed);
                let end = data.len().min(at + piece.len());
                data.splice(at..end, piece);
            }
            _ => data.truncate(at),
        }
    }

    fn seed(&mut self) -> &'a [u8] {
        let at = self.index(self.seeds.len() - 1);
        &self.seeds[at]
    }

    fn piece_of(&mut self, data: &[u8]) -> Vec<u8> {
        let at = self.index(data.len());
        let length = self.index(32);
        data.iter().skip(at).take(length).copied().collect()
    }

    fn significant_byte(&mut self) -> u8 {
        SIGNIFICANT_BYTES[self.index(SIGNIFICANT_BYTES.len() - 1)]
    }

    fn byte(&mut self) -> u8 {
        self.below(256) as u8
    }

    /// A number from 0 to `last`, inclusive.
    fn index(&mut self, last: usize) -> usize {
        self.below(last as u64 + 1) as usize
    }

    /// SplitMix64, reduced by the remainder; the slight bias towards small numbers does no harm here.
    fn below(&mut self, bound: u64) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.state ^ self.state >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ mixed >> 31) % bound
    }
}
