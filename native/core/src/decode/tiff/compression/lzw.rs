//! LZW as TIFF has it: codes of 9 to 12 bits, highest bit first, that grow one code early. Writers
//! of before TIFF 5.0 put the lowest bit first, and let codes grow when they have to.
//!
//! A decoder of our own, as a clear code has to cost next to nothing: a strip may hold nothing
//! else.

use super::done::Done;
use crate::{Error, Format};

const CLEAR: u16 = 256;
const END: u16 = 257;
const FIRST_FREE: u16 = 258;
const CODES: usize = 4096;
const MIN_BITS: u32 = 9;
const MAX_BITS: u32 = 12;
/// Words are kept and written in pieces of so many bytes.
const PIECE: usize = 8;

/// What a code stands for: the words that end `PIECE`s of it, chained from the last to the first.
#[derive(Debug, Clone, Copy, Default)]
struct Word {
    /// The last piece. What is behind the word's end is of no meaning.
    last: [u8; PIECE],
    /// The word of all pieces but the last.
    before: u16,
    length: u16,
    first: u8,
}

type Words = [Word; CODES];

pub(in super::super) struct Lzw {
    words: Box<Words>,
    state: State,
    ended: bool,
    /// Whether it is of before TIFF 5.0.
    old: bool,
    /// A word that there was not enough room for, and what is left of it.
    late: Box<[u8; CODES + PIECE]>,
    left: std::ops::Range<usize>,
}

/// What changes with every code. Copied out of its place while a run lasts.
#[derive(Debug, Clone, Copy)]
struct State {
    next: u16,
    previous: Option<u16>,
    code_bits: u32,
    /// Bits of the input, highest first, of which `count` are taken from it. Those below are the
    /// same as what follows in the input, or zero. In old ones the next bit is the lowest.
    bits: u64,
    count: u32,
}

impl Lzw {
    pub(in super::super) const MEMORY: u64 = (size_of::<Words>() + CODES + PIECE) as u64;

    pub(in super::super) fn new() -> Self {
        let mut words = Box::new([Word::default(); CODES]);
        for (word, byte) in words.iter_mut().zip(0..=u8::MAX) {
            *word = Word { last: [byte, 0, 0, 0, 0, 0, 0, 0], before: 0, length: 1, first: byte };
        }
        Lzw {
            words,
            state: State::new(),
            ended: false,
            old: false,
            late: Box::new([0; CODES + PIECE]),
            left: 0..0,
        }
    }

    /// The first bytes of what comes are a code that clears the table. It tells how it is written.
    pub(in super::super) fn restart(&mut self, beginning: [u8; 2]) {
        (self.state, self.ended, self.left) = (State::new(), false, 0..0);
        self.old = beginning[0] == 0 && beginning[1] & 1 == 1;
    }

    pub(in super::super) fn run(&mut self, input: &[u8], out: &mut [u8]) -> Result<Done, Error> {
        if self.old { self.decode::<true>(input, out) } else { self.decode::<false>(input, out) }
    }

    fn decode<const OLD: bool>(&mut self, input: &[u8], out: &mut [u8]) -> Result<Done, Error> {
        let mut produced = self.write_late(out);
        let mut consumed = 0;
        let mut state = self.state;
        while produced < out.len() && !self.ended {
            if state.count < state.code_bits {
                let rest = &input[consumed..];
                consumed += if OLD { state.refill_low(rest) } else { state.refill(rest) };
                if state.count < state.code_bits {
                    break;
                }
            }
            let code = if OLD { state.take_low_code() } else { state.take_code() };
            match code {
                CLEAR => state.clear(),
                END => self.ended = true,
                _ => {
                    state.learn::<OLD>(&mut self.words, code)?;
                    produced += self.write(code, &mut out[produced..]);
                }
            }
        }
        self.state = state;
        Ok(Done { consumed, produced })
    }

    /// Writes a word, or as much of it as there is room for, and keeps the rest for later.
    #[inline]
    fn write(&mut self, code: u16, out: &mut [u8]) -> usize {
        let length = usize::from(self.words[usize::from(code) % CODES].length);
        // Whole pieces are written, whatever is in the last one behind the word's end.
        if let Some(room) = out.get_mut(..length.next_multiple_of(PIECE)) {
            spell(&self.words, code, room);
            return length;
        }
        let room = &mut self.late[..length.next_multiple_of(PIECE)];
        spell(&self.words, code, room);
        self.left = 0..length;
        self.write_late(out)
    }

    fn write_late(&mut self, out: &mut [u8]) -> usize {
        let now = self.left.len().min(out.len());
        out[..now].copy_from_slice(&self.late[self.left.start..][..now]);
        self.left.start += now;
        now
    }
}

impl State {
    fn new() -> Self {
        State { next: FIRST_FREE, previous: None, code_bits: MIN_BITS, bits: 0, count: 0 }
    }

    fn clear(&mut self) {
        (self.next, self.previous, self.code_bits) = (FIRST_FREE, None, MIN_BITS);
    }

    /// Returns how many bytes it took.
    #[inline]
    fn refill(&mut self, input: &[u8]) -> usize {
        if let Some(&bytes) = input.first_chunk() {
            self.bits |= u64::from_be_bytes(bytes) >> self.count;
            let taken = (63 - self.count) / 8;
            self.count += taken * 8;
            return taken as usize;
        }
        let mut taken = 0;
        for &byte in input.iter().take((64 - self.count as usize) / 8) {
            self.bits |= u64::from(byte) << (56 - self.count);
            self.count += 8;
            taken += 1;
        }
        taken
    }

    #[inline]
    fn take_code(&mut self) -> u16 {
        let code = (self.bits >> (64 - self.code_bits)) as u16;
        self.bits <<= self.code_bits;
        self.count -= self.code_bits;
        code
    }

    fn refill_low(&mut self, input: &[u8]) -> usize {
        let mut taken = 0;
        for &byte in input.iter().take((64 - self.count as usize) / 8) {
            self.bits |= u64::from(byte) << self.count;
            self.count += 8;
            taken += 1;
        }
        taken
    }

    fn take_low_code(&mut self) -> u16 {
        let code = self.bits as u16 & ((1 << self.code_bits) - 1);
        self.bits >>= self.code_bits;
        self.count -= self.code_bits;
        code
    }

    /// Adds the word that a code completes: the previous one and the first byte of this one.
    #[inline]
    fn learn<const OLD: bool>(&mut self, words: &mut Words, code: u16) -> Result<(), Error> {
        let Some(previous) = self.previous.replace(code) else {
            return if code < CLEAR { Ok(()) } else { Err(Error::invalid(Format::Tiff)) };
        };
        if code > self.next {
            return Err(Error::invalid(Format::Tiff));
        }
        let next = usize::from(self.next);
        if next >= CODES {
            return Ok(());
        }
        let mut word = words[usize::from(previous) % CODES];
        let byte =
            if code == self.next { word.first } else { words[usize::from(code) % CODES].first };
        let end = usize::from(word.length) % PIECE;
        if end == 0 {
            word.before = previous;
        }
        word.last[end] = byte;
        word.length += 1;
        words[next] = word;
        self.next += 1;
        let early = if OLD { 0 } else { 1 };
        if u32::from(self.next) + early >= 1 << self.code_bits && self.code_bits < MAX_BITS {
            self.code_bits += 1;
        }
        Ok(())
    }
}

/// Writes a word from its end.
#[inline]
fn spell(words: &Words, mut code: u16, out: &mut [u8]) {
    for piece in out.as_chunks_mut::<PIECE>().0.iter_mut().rev() {
        let word = &words[usize::from(code) % CODES];
        *piece = word.last;
        code = word.before;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Everything at once, in pieces of so many bytes in and out.
    fn decode(packed: &[u8], len: usize, input: usize, output: usize) -> Result<Vec<u8>, Error> {
        let mut lzw = Lzw::new();
        lzw.restart([packed[0], packed[1]]);
        let mut out = vec![0; len];
        let (mut at, mut filled) = (0, 0);
        while filled < len {
            let piece = &packed[at..packed.len().min(at + input)];
            let room = len.min(filled + output);
            let done = lzw.run(piece, &mut out[filled..room])?;
            if done == (Done { consumed: 0, produced: 0 }) {
                return Err(Error::truncated(Format::Tiff));
            }
            (at, filled) = (at + done.consumed, filled + done.produced);
        }
        Ok(out)
    }

    fn pack(bytes: &[u8]) -> Vec<u8> {
        weezl::encode::Encoder::with_tiff_size_switch(weezl::BitOrder::Msb, 8)
            .encode(bytes)
            .unwrap_or_default()
    }

    #[test]
    fn it_is_what_another_encoder_packed() {
        let noise = |seed: u32, n: u32| (seed.wrapping_mul(0x9E37_79B1) >> 7) as u8 % n as u8;
        let samples: [Vec<u8>; 5] = [
            vec![7; 100_000],
            (0..70_000).map(|i| noise(i, 255)).collect(),
            (0..70_000).map(|i| noise(i, 3)).collect(),
            (0..70_000u32).map(|i| (i / 300) as u8).collect(),
            b"a".to_vec(),
        ];
        for bytes in samples {
            let packed = pack(&bytes);
            for (input, output) in [(usize::MAX / 2, usize::MAX / 2), (1, 1), (3, 100), (1000, 7)] {
                assert!(decode(&packed, bytes.len(), input, output) == Ok(bytes.clone()));
            }
        }
    }

    #[test]
    fn old_ones_are_told_by_their_first_code() {
        let bytes: Vec<u8> = (0..70_000u32).map(|i| (i / 7 % 50 + i % 3) as u8).collect();
        let packed = weezl::encode::Encoder::new(weezl::BitOrder::Lsb, 8).encode(&bytes);
        assert!(decode(&packed.unwrap_or_default(), bytes.len(), 1000, 100) == Ok(bytes));
    }

    #[test]
    fn codes_that_are_not_there_yet_are_invalid() {
        // 258 as the first code, and 259 when 258 is the next.
        assert_eq!(decode(&[0x81, 0x00], 5, 9, 9), Err(Error::invalid(Format::Tiff)));
        assert_eq!(decode(&[0x20, 0xC0, 0xC0], 5, 9, 9), Err(Error::invalid(Format::Tiff)));
        assert_eq!(decode(&[0x20, 0xC0, 0x80], 3, 9, 9), Ok(vec![65; 3]));
    }

    #[test]
    fn the_end_code_and_the_end_of_the_input_are_ends() {
        let packed = pack(&[1, 2, 3]);
        assert_eq!(decode(&packed, 3, 9, 9), Ok(vec![1, 2, 3]));
        assert_eq!(decode(&packed, 4, 9, 9), Err(Error::truncated(Format::Tiff)));
        assert_eq!(decode(&packed[..2], 3, 9, 9), Err(Error::truncated(Format::Tiff)));
    }
}
