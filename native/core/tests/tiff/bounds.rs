//! Work and memory that a small file asks for.

use bytes::Bytes;
use thumbelina_core::{Effort, Error, Fit, Format, Limit, Output, Step, Stop};

use crate::common::{POOL, in_pieces, invalid, job, sized, truncated};
use crate::jpegs::{jpeg, slope};
use crate::writer::{DEFLATE, JPEG, LZW, PACK_BITS, Writer};
use crate::{sample, values};

/// How many steps it takes, and how it ends.
fn steps(input: Vec<u8>) -> (usize, Result<(), Error>) {
    let mut job = job(Bytes::from(input), sized(8, 8));
    for count in 1.. {
        match job.step(Effort::Bounded, &Stop::new()) {
            Ok(Step::Done(_)) => return (count, Ok(())),
            Ok(Step::Again) => {}
            Ok(Step::NeedInput) => panic!("all of the input is there"),
            Ok(Step::TooBig) => {
                let _ = job.step(Effort::Unbounded(Some(&POOL)), &Stop::new());
            }
            Err(error) => return (count, Err(error)),
        }
    }
    unreachable!()
}

/// Makes all values of a tag this one.
fn fill(bytes: &mut [u8], tag: u16, count: usize, value: usize) {
    let start = values(bytes, tag);
    let values = (value as u32).to_le_bytes().repeat(count);
    bytes[start..start + values.len()].copy_from_slice(&values);
}

/// Data that goes on without a pixel is taken in small bites.
#[test]
fn nothing_is_decoded_in_small_steps() {
    let size = (16, 16);
    let writer = |compression| Writer { size, compression, ..Writer::default() };
    let pixels = vec![vec![0; 16 * 3]; 16];
    const LEN: usize = 200_000;
    let mut clears = [0x80, 0x40, 0x20, 0x10, 0x08, 0x04, 0x02, 0x01, 0x00].repeat(LEN / 9);
    clears.extend(writer(LZW).compress(&pixels, 16));
    let mut empty = vec![0x78, 0x01];
    empty.extend([0, 0, 0, 0xFF, 0xFF].repeat(LEN / 5));
    empty.extend(&writer(DEFLATE).compress(&pixels, 16)[2..]);
    let mut nothing = vec![0x80; LEN];
    nothing.extend(writer(PACK_BITS).compress(&pixels, 16));
    for (compression, data) in [(LZW, clears), (DEFLATE, empty), (PACK_BITS, nothing)] {
        let (count, end) = steps(writer(compression).assemble(&[data]));
        assert_eq!(end, Ok(()), "{compression}");
        assert!(count > LEN / 8_192, "{compression} in {count} steps");
    }
}

#[test]
fn more_padding_than_picture_is_refused() {
    let tall = |chunk, size, data: Vec<u8>| {
        let writer = Writer { size, tiles: true, chunk, compression: DEFLATE, ..Writer::default() };
        let count = size.1.div_ceil(chunk.1) as usize;
        // All tiles are the same one.
        let bytes = writer.assemble(&vec![Vec::new(); count]);
        let bytes = [bytes, data.clone()].concat();
        let at = bytes.len() - data.len();
        let mut bytes = bytes;
        fill(&mut bytes, 324, count, at);
        fill(&mut bytes, 325, count, data.len());
        bytes
    };
    let blank = |chunk: (u32, u32)| {
        let rows = vec![vec![0; chunk.0 as usize * 3]; chunk.1 as usize];
        Writer { compression: DEFLATE, ..Writer::default() }.compress(&rows, chunk.0)
    };
    let bomb = tall((400_000, 16), (1, 100_000), blank((400_000, 16)));
    let (_, end) = steps(bomb);
    assert!(matches!(end, Err(Error::Limit { limit: Limit::MaxMemory, .. })), "{end:?}");
    // Thin pictures in tiles of a usual size.
    for (chunk, size) in
        [((512, 512), (1, 30_000)), ((256, 256), (3, 20_000)), ((512, 512), (30_000, 1))]
    {
        let writer = Writer { size, tiles: true, chunk, compression: DEFLATE, ..Writer::default() };
        let tile = blank(chunk);
        let count = size.0.div_ceil(chunk.0) * size.1.div_ceil(chunk.1);
        let (_, end) = steps(writer.assemble(&vec![tile; count as usize]));
        assert_eq!(end, Ok(()), "{size:?}");
    }
}

/// One JPEG that all strips share, with a header that is long.
#[test]
fn shared_data_is_bounded() {
    let one = jpeg((16, 16), 3, slope);
    for comments in [0, 800, 20_000] {
        let mut shared = vec![0xFF, 0xD8];
        shared.extend([0xFF, 0xFE, 0, 2].repeat(comments));
        shared.extend(&one[2..]);
        let strips = 3_000;
        let writer = Writer {
            size: (16, 16 * strips),
            compression: JPEG,
            chunk: (0, 16),
            ..Writer::default()
        };
        let mut bytes = writer.assemble(&vec![Vec::new(); strips as usize]);
        let end = bytes.len();
        fill(&mut bytes, 273, strips as usize, end);
        fill(&mut bytes, 279, strips as usize, shared.len());
        bytes.extend(&shared);
        let (_, end) = steps(bytes);
        let refused = if comments == 20_000 {
            end == Err(invalid(Format::Tiff))
        } else {
            matches!(end, Err(Error::Limit { limit: Limit::MaxBytesIn, .. }))
        };
        assert!(refused, "{comments}: {end:?}");
    }
}

/// Tiles of billions of pixels, for a picture of a hundred.
#[test]
fn no_tile_is_allocated_by_its_claim() {
    let float = Writer { size: (100, 1), bits: 32, format: 3, predictor: 3, ..Writer::default() };
    let extra = Writer { size: (100, 1), samples: 16, extra: vec![0; 13], ..Writer::default() };
    for writer in [float, extra] {
        let writer = Writer { tiles: true, chunk: (4_000_000_000, 1), ..writer };
        let (_, end) = steps(writer.assemble(&[vec![0; 100]]));
        assert!(matches!(end, Err(Error::Limit { limit: Limit::MaxMemory, .. })), "{end:?}");
    }
}

#[test]
fn rows_below_the_crop_are_not_asked_for() {
    let writer =
        Writer { size: (40, 400), chunk: (0, 8), compression: DEFLATE, ..Writer::default() };
    let bytes = Bytes::from(writer.write(|x, y, s| sample(8, x, y, s)));
    // The lower half is not there, and is not seen.
    let cut = bytes.slice(..bytes.len() * 3 / 4);
    let request = Output { fit: Fit::Cover, ..sized(20, 20) };
    assert_eq!(in_pieces(&cut, request.clone()), in_pieces(&bytes, request));
    assert_eq!(in_pieces(&cut, sized(20, 20)), Err(truncated(Format::Tiff)));
}
