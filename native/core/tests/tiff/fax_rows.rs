//! Writes what fax machines send, with the codes of a crate that writes Group 4 alone.

use std::convert::Infallible;

use fax::encoder::Encoder;
use fax::maps::{black, white};
use fax::{BitWriter, Bits, Color};

use crate::writer::{FAX3, FAX4, RLE};

/// What stands around the rows of Group 3.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Fax {
    /// So many rows are coded by the row above, behind each that is not.
    pub(crate) by_the_row_above: usize,
    /// Whether rows have no ends.
    pub(crate) without_ends: bool,
    /// Whether ends of line end with a byte.
    pub(crate) filled: bool,
    /// Whether six ends of line follow.
    pub(crate) returns: bool,
}

impl Fax {
    pub(crate) fn options(self) -> u32 {
        u32::from(self.by_the_row_above > 0) | u32::from(self.filled) << 2
    }
}

#[derive(Default)]
struct Line(Vec<bool>);

impl BitWriter for &mut Line {
    type Error = Infallible;

    fn write(&mut self, bits: Bits) -> Result<(), Infallible> {
        self.0.extend((0..bits.len).rev().map(|bit| bits.data >> bit & 1 == 1));
        Ok(())
    }
}

fn pixels(row: &[u8], width: u32) -> impl Iterator<Item = Color> {
    (0..width as usize).map(|x| match row[x / 8] >> (7 - x % 8) & 1 {
        1 => Color::Black,
        _ => Color::White,
    })
}

/// A row by itself: white and black runs in turn.
fn runs(row: &[u8], width: u32, line: &mut Line) {
    let (mut color, mut run, mut at) = (Color::White, 0u16, 0);
    let pixels: Vec<Color> = pixels(row, width).collect();
    while at < pixels.len() || run > 0 {
        if at < pixels.len() && pixels[at] == color {
            (run, at) = (run + 1, at + 1);
            continue;
        }
        let code = |n| if color == Color::White { white::encode(n) } else { black::encode(n) };
        let mut line = &mut *line;
        while run >= 2560 {
            line.write(code(2560).unwrap()).unwrap();
            run -= 2560;
        }
        if run >= 64 {
            line.write(code(run / 64 * 64).unwrap()).unwrap();
        }
        line.write(code(run % 64).unwrap()).unwrap();
        (color, run) = (!color, 0);
    }
}

/// A row by the one above.
fn modes(above: &[u8], row: &[u8], width: u32, line: &mut Line) {
    let mut both = Line::default();
    let mut encoder = Encoder::new(&mut both);
    encoder.encode_line(pixels(above, width), width as u16).unwrap();
    let first = {
        let mut one = Line::default();
        Encoder::new(&mut one).encode_line(pixels(above, width), width as u16).unwrap();
        one.0.len()
    };
    encoder.encode_line(pixels(row, width), width as u16).unwrap();
    line.0.extend(&both.0[first..]);
}

pub(crate) fn encode(rows: &[Vec<u8>], width: u32, compression: u16, fax: Fax) -> Vec<u8> {
    let mut line = Line::default();
    let eol = |line: &mut Line, by_itself: bool| {
        if fax.filled {
            while line.0.len() % 8 != 4 {
                line.0.push(false);
            }
        }
        line.0.extend([false; 11]);
        line.0.push(true);
        if fax.by_the_row_above > 0 {
            line.0.push(by_itself);
        }
    };
    let blank = vec![0; width.div_ceil(8) as usize];
    let mut above = &blank;
    for (place, row) in rows.iter().enumerate() {
        match compression {
            FAX4 => modes(above, row, width, &mut line),
            FAX3 => {
                let by_itself = place % (fax.by_the_row_above + 1) == 0;
                if !fax.without_ends {
                    eol(&mut line, by_itself);
                }
                if by_itself {
                    runs(row, width, &mut line);
                } else {
                    modes(above, row, width, &mut line);
                }
            }
            _ => {
                runs(row, width, &mut line);
                let unit = if compression == RLE { 8 } else { 16 };
                line.0.resize(line.0.len().next_multiple_of(unit), false);
            }
        }
        above = row;
    }
    match compression {
        FAX4 => (0..2).for_each(|_| eol(&mut line, false)),
        FAX3 if fax.returns => (0..6).for_each(|_| eol(&mut line, true)),
        _ => {}
    }
    let byte = |bits: &[bool]| {
        bits.iter().zip(0..).fold(0, |byte, (&bit, place)| byte | u8::from(bit) << (7 - place))
    };
    line.0.chunks(8).map(byte).collect()
}
