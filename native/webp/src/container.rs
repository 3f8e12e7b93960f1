//! The container of WebP: RIFF and its chunks.

use bytes::Bytes;

use crate::chunk::Chunk;
use crate::{Error, lossless, lossy};

/// What a file says of its picture. Of an animation it is the first frame.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Header {
    /// Of the canvas, if there is one.
    pub width: u32,
    pub height: u32,
    /// Whether pixels may be transparent: rows have four bytes a pixel then.
    pub has_alpha: bool,
    /// Whether the picture is a VP8L chunk, not a VP8 one.
    pub is_lossless: bool,
    pub is_animated: bool,
    /// As a TIFF file, which is what it is in its other homes.
    pub exif: Option<Bytes>,
    pub icc: Option<Bytes>,
    pub xmp: Option<Bytes>,
    pub(crate) picture: Picture,
}

/// The picture and its place on the canvas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Picture {
    pub(crate) chunk: Chunk,
    pub(crate) start: Start,
    pub(crate) alpha: Option<Chunk>,
    pub(crate) left: u32,
    pub(crate) top: u32,
    pub(crate) width: u32,
    pub(crate) height: u32,
}

/// What the data of the picture begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    Lossy(lossy::Start),
    Lossless(lossless::Start),
}

impl Start {
    fn read(chunk: &Chunk, kind: &[u8; 4]) -> Result<Self, Error> {
        match kind {
            b"VP8L" => lossless::Start::read(chunk).map(Start::Lossless),
            _ => lossy::Start::read(chunk).map(Start::Lossy),
        }
    }

    fn size(&self) -> (u32, u32) {
        match self {
            Start::Lossy(start) => (start.width, start.height),
            Start::Lossless(start) => (start.width, start.height),
        }
    }

    fn is_lossless(&self) -> bool {
        matches!(self, Start::Lossless(_))
    }
}

/// What every file begins with, a length in the middle of it aside.
const RIFF: &[u8; 4] = b"RIFF";
const WEBP: &[u8; 4] = b"WEBP";
/// "RIFF", the length, "WEBP".
const RIFF_LEN: usize = 12;
const CHUNK_HEADER_LEN: usize = 8;
/// What the size is said in: the header of the first chunk, and ten bytes of it.
const SIZE_LEN: usize = RIFF_LEN + CHUNK_HEADER_LEN + 10;
/// Where a frame is, its size, how long it is shown, and flags.
const FRAME_HEADER_LEN: usize = 16;

/// Nanoseconds that it takes to read a header, and those for each chunk.
const NANOS: u64 = 1_000;
const CHUNK_NANOS: u64 = 20;

/// Chunks one after the other, between two places of a file.
struct Chunks<'a> {
    input: &'a [u8],
    next: usize,
    end: usize,
}

struct Found {
    kind: [u8; 4],
    /// The payload, of which there are `len` bytes before the end.
    at: usize,
    len: usize,
    cut: bool,
}

impl Iterator for Chunks<'_> {
    type Item = Found;

    #[inline]
    fn next(&mut self) -> Option<Found> {
        let rest = self.input.get(self.next..self.end)?;
        let &[k0, k1, k2, k3, l0, l1, l2, l3] = rest.first_chunk::<CHUNK_HEADER_LEN>()?;
        let claimed = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
        let there = rest.len() - CHUNK_HEADER_LEN;
        let (at, len) = (self.next + CHUNK_HEADER_LEN, claimed.min(there));
        // A byte follows where the length is odd.
        self.next = at + len + (len & 1);
        Some(Found { kind: [k0, k1, k2, k3], at, len, cut: claimed > there })
    }
}

impl Header {
    /// Reads what is before, between and behind the picture's data, and the beginning of that.
    ///
    /// The input may be the beginning of a file. As soon as that of the picture's data is there,
    /// it has a header, whose size and kind are right. Alpha and metadata that are still to come
    /// are missing, and it is not to be [decoded](crate::Decoder).
    ///
    /// # Errors
    /// Whatever is wrong with it, and [`Error::Truncated`] if the input ends before the picture
    /// begins.
    pub fn read(input: &Bytes) -> Result<Self, Error> {
        let end = riff_end(input)?;
        let (first, mut chunks) = first_chunk(input)?;
        match &first.kind {
            b"VP8X" => {
                // A few writers get the length of the file wrong, none that of what comes first.
                chunks.end = end.max(chunks.next).min(input.len());
                Self::extended(input, &first, chunks)
            }
            _ => Self::simple(input, &first),
        }
    }

    /// Width and height alone, which the first thirty bytes of a file say: those of the data may
    /// only come far behind, after alpha and a color profile.
    ///
    /// # Errors
    /// Whatever is wrong with these bytes, and [`Error::Truncated`] if some of them are missing.
    pub fn size(input: &[u8]) -> Result<(u32, u32), Error> {
        let beginning = Bytes::copy_from_slice(input.get(..SIZE_LEN).unwrap_or(input));
        riff_end(&beginning)?;
        let (first, _) = first_chunk(&beginning)?;
        let chunk = chunk(&beginning, &first);
        match &first.kind {
            b"VP8X" => Canvas::read(&chunk).map(|canvas| (canvas.width, canvas.height)),
            kind => Start::read(&chunk, kind).map(|start| start.size()),
        }
    }

    /// What [`read`](Self::read) takes, or `most` if that is less: it goes by the number of chunks.
    /// Takes a fraction of that itself.
    pub fn nanos(input: &[u8], most: u64) -> u64 {
        let mut nanos = NANOS;
        let mut chunks = Chunks { input, next: RIFF_LEN, end: riff_end(input).unwrap_or(0) };
        let mut frame = None;
        while nanos < most
            && let Some(found) = chunks.next()
        {
            nanos += CHUNK_NANOS;
            if found.kind == *b"ANMF" && frame.is_none() {
                frame = Some(found);
            }
        }
        let inside = frame.map(|frame| Chunks {
            input,
            next: frame.at + FRAME_HEADER_LEN,
            end: frame.at + frame.len,
        });
        let mut inside = inside.into_iter().flatten();
        while nanos < most && inside.next().is_some() {
            nanos += CHUNK_NANOS;
        }
        nanos.min(most)
    }

    fn simple(input: &Bytes, found: &Found) -> Result<Self, Error> {
        let chunk = chunk(input, found);
        let start = Start::read(&chunk, &found.kind)?;
        let (width, height) = start.size();
        Ok(Header {
            width,
            height,
            has_alpha: matches!(start, Start::Lossless(lossless::Start { has_alpha: true, .. })),
            is_lossless: start.is_lossless(),
            is_animated: false,
            exif: None,
            icc: None,
            xmp: None,
            picture: Picture { chunk, start, alpha: None, left: 0, top: 0, width, height },
        })
    }

    fn extended(input: &Bytes, first: &Found, chunks: Chunks<'_>) -> Result<Self, Error> {
        let Canvas { width, height, claims_alpha, is_animated, claims } =
            Canvas::read(&chunk(input, first))?;
        let [mut still, mut alpha, mut frame] = [const { None::<Found> }; 3];
        let [mut exif, mut icc, mut xmp] = [const { None::<Found> }; 3];
        for found in chunks {
            let place = match &found.kind {
                b"VP8 " | b"VP8L" => &mut still,
                b"ALPH" => &mut alpha,
                b"ANMF" => &mut frame,
                // What the flags do not announce is not meant: so libwebp has it.
                b"EXIF" if claims.exif => &mut exif,
                b"ICCP" if claims.icc => &mut icc,
                b"XMP " if claims.xmp => &mut xmp,
                _ => continue,
            };
            // The first of each counts.
            place.get_or_insert(found);
        }
        let (place, still, alpha) = if is_animated {
            let frame = frame.ok_or_else(|| missing(input, "an animation without a frame"))?;
            let frame_chunk = chunk(input, &frame);
            let Some(head) = frame_chunk.data.first_chunk::<FRAME_HEADER_LEN>() else {
                return Err(frame_chunk.ends_early("a frame without a header"));
            };
            let &[x0, x1, x2, y0, y1, y2, w0, w1, w2, h0, h1, h2, ..] = head;
            let [left, top] = [[x0, x1, x2], [y0, y1, y2]].map(|place| three_bytes(place) * 2);
            let [frame_width, frame_height] =
                [[w0, w1, w2], [h0, h1, h2]].map(|side| three_bytes(side) + 1);
            if left + frame_width > width || top + frame_height > height {
                return Err(Error::Invalid {
                    what: "a frame that leaves the canvas",
                    offset: frame.at,
                });
            }
            let inside =
                Chunks { input, next: frame.at + FRAME_HEADER_LEN, end: frame.at + frame.len };
            let [mut still, mut alpha] = [const { None::<Found> }; 2];
            for mut found in inside {
                found.cut &= frame.cut;
                match &found.kind {
                    b"VP8 " | b"VP8L" => still = Some(found),
                    b"ALPH" if alpha.is_none() => alpha = Some(found),
                    _ => continue,
                }
                if still.is_some() {
                    break;
                }
            }
            let still = still.ok_or_else(|| frame_chunk.ends_early("a frame without a picture"))?;
            ((left, top, frame_width, frame_height), still, alpha)
        } else {
            ((0, 0, width, height), still.ok_or_else(|| missing(input, "no picture"))?, alpha)
        };
        let still_chunk = chunk(input, &still);
        let start = Start::read(&still_chunk, &still.kind)?;
        let is_lossless = start.is_lossless();
        let (left, top, frame_width, frame_height) = place;
        if start.size() != (frame_width, frame_height) {
            return Err(Error::Invalid {
                what: "a picture that is not as large as its place",
                offset: still.at,
            });
        }
        let alpha = alpha.filter(|_| !is_lossless);
        let covers = (frame_width, frame_height) == (width, height);
        // A still that has an ALPH chunk only in its flags is opaque.
        let may_have_alpha = is_animated || is_lossless || alpha.is_some();
        let metadata = |found: Option<Found>| {
            found.filter(|found| !found.cut).map(|found| chunk(input, &found).data)
        };
        Ok(Header {
            width,
            height,
            has_alpha: (claims_alpha && may_have_alpha) || !covers,
            is_lossless,
            is_animated,
            // Of what is cut off, the beginning is worth having.
            exif: exif.map(|found| without_prefix(chunk(input, &found).data)),
            icc: metadata(icc),
            xmp: metadata(xmp),
            picture: Picture {
                chunk: still_chunk,
                start,
                alpha: alpha.map(|found| chunk(input, &found)),
                left,
                top,
                width: frame_width,
                height: frame_height,
            },
        })
    }
}

/// What a VP8X chunk says.
struct Canvas {
    width: u32,
    height: u32,
    claims_alpha: bool,
    is_animated: bool,
    claims: Claims,
}

/// Which metadata is there, by the flags.
struct Claims {
    exif: bool,
    icc: bool,
    xmp: bool,
}

impl Canvas {
    fn read(chunk: &Chunk) -> Result<Self, Error> {
        let Some(&[flags, _, _, _, w0, w1, w2, h0, h1, h2]) = chunk.data.first_chunk() else {
            return Err(chunk.ends_early("a VP8X chunk that is too small"));
        };
        let [width, height] = [[w0, w1, w2], [h0, h1, h2]].map(|side| three_bytes(side) + 1);
        let has = |flag: u8| flags & flag != 0;
        let claims = Claims { exif: has(0x08), icc: has(0x20), xmp: has(0x04) };
        Ok(Canvas { width, height, claims_alpha: has(0x10), is_animated: has(0x02), claims })
    }
}

/// Where the file says that it ends, if that is not behind its end.
fn riff_end(input: &[u8]) -> Result<usize, Error> {
    let Some(&[r, i, f0, f1, l0, l1, l2, l3, w, e, b, p]) = input.first_chunk::<RIFF_LEN>() else {
        // It may be the beginning of one.
        let so_far =
            |tag: &[u8; 4], from: usize| input.iter().skip(from).zip(tag).all(|(a, b)| a == b);
        let may_be = so_far(RIFF, 0) && so_far(WEBP, 8);
        return Err(if may_be { Error::Truncated { offset: input.len() } } else { Error::NotWebp });
    };
    if [r, i, f0, f1] != *RIFF || [w, e, b, p] != *WEBP {
        return Err(Error::NotWebp);
    }
    let claimed = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
    // Those who write without knowing the length yet leave it at 0.
    Ok(if claimed == 0 { input.len() } else { input.len().min(claimed.saturating_add(8)) })
}

/// The first chunk, of a kind that a file begins with, and those that follow it, to the end of the
/// input.
fn first_chunk(input: &[u8]) -> Result<(Found, Chunks<'_>), Error> {
    let mut chunks = Chunks { input, next: RIFF_LEN, end: input.len() };
    match chunks.next() {
        Some(first) if matches!(&first.kind, b"VP8 " | b"VP8L" | b"VP8X") => Ok((first, chunks)),
        Some(_) => {
            Err(Error::Invalid { what: "a chunk that no WebP begins with", offset: RIFF_LEN })
        }
        None => Err(Error::Truncated { offset: input.len() }),
    }
}

fn chunk(input: &Bytes, found: &Found) -> Chunk {
    Chunk { data: input.slice(found.at..found.at + found.len), at: found.at, cut: found.cut }
}

/// Without the prefix that it has in JPEGs, and by mistake in some WebPs.
fn without_prefix(exif: Bytes) -> Bytes {
    if exif.starts_with(b"Exif\0\0") { exif.slice(6..) } else { exif }
}

/// What is not there may lie behind the end of a file that has been cut off, or is still to come.
fn missing(input: &[u8], what: &'static str) -> Error {
    let claimed =
        input.get(4..8).and_then(<[u8]>::first_chunk).map_or(0, |&len| u32::from_le_bytes(len));
    let offset = input.len();
    // One that does not say how long it is may always go on.
    if claimed == 0 || claimed as usize + 8 > offset {
        Error::Truncated { offset }
    } else {
        Error::Invalid { what, offset }
    }
}

fn three_bytes([a, b, c]: [u8; 3]) -> u32 {
    u32::from_le_bytes([a, b, c, 0])
}
