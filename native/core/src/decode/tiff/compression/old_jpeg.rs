//! JPEG as TIFF 6.0 first had it: one stream for all of the picture, which stands in the file as a
//! whole, or of which the directory names the tables and the strips hold the rest.
//!
//! The stream is put together from what there is: a whole one, if a field or the first strip says
//! where, or else one that is written here. Strips are restart intervals of it.

use std::ops::Range;

use super::super::chunks::Chunks;
use super::super::directory::{Field, Fields};
use super::jpeg::{Jpeg, Segments};
use crate::{Error, Format};

/// Where its parts are.
#[derive(Debug, Clone)]
pub(in super::super) struct OldJpeg {
    /// A stream, and up to where it reaches.
    stream: Option<Range<usize>>,
    /// Where tables are.
    quantizers: Option<Field>,
    dc_codes: Option<Field>,
    ac_codes: Option<Field>,
    restart_interval: u16,
    size: (u16, u16),
    components: u8,
    subsampling: (u8, u8),
    strips: Strips,
}

/// What follows the header, strip by strip.
#[derive(Debug, Clone)]
pub(in super::super) struct Strips {
    chunks: Chunks,
    next: u32,
    /// How long the stream may become.
    most: usize,
}

const INVALID: Error = Error::invalid(Format::Tiff);
const TRUNCATED: Error = Error::truncated(Format::Tiff);
const UNSUPPORTED: Error = Error::Unsupported(Format::Tiff);

/// Strips may overlap by so much.
const SPARE_BYTES: usize = 64 << 10;

/// Tables and a frame of the usual length fit twice.
const MAX_HEADER_BYTES: usize = 16 << 10;

impl OldJpeg {
    /// `chunks` are the strips.
    pub(in super::super) fn read(
        input: &[u8],
        fields: &Fields,
        chunks: Chunks,
        (width, height): (u32, u32),
        components: u8,
    ) -> Result<Self, Error> {
        let side = |side: u32| u16::try_from(side).map_err(|_| UNSUPPORTED);
        let number = |field: Option<Field>| field.and_then(|field| field.first::<u64>(input).ok());
        let stream = number(fields.jpeg_stream)
            .and_then(|start| usize::try_from(start).ok())
            .filter(|&start| input.get(start..).is_some_and(|rest| rest.starts_with(&[0xFF, 0xD8])))
            .map(|start| {
                let length = number(fields.jpeg_stream_length).filter(|&length| length > 0);
                let length = length.and_then(|length| usize::try_from(length).ok());
                start..start.saturating_add(length.unwrap_or(usize::MAX)).min(input.len())
            });
        let subsampling = match fields.ycbcr_subsampling {
            _ if components == 1 => (1, 1),
            Some(field) => {
                let side = |index| field.get(input, index).map(|side| side.clamp(1, 4) as u8);
                (side(0)?, side(1)?)
            }
            None => (2, 2),
        };
        Ok(OldJpeg {
            stream,
            quantizers: fields.jpeg_q_tables,
            dc_codes: fields.jpeg_dc_tables,
            ac_codes: fields.jpeg_ac_tables,
            restart_interval: number(fields.jpeg_restart_interval).unwrap_or(0).min(65_535) as u16,
            size: (side(width)?, side(height)?),
            components,
            subsampling,
            strips: Strips { chunks, next: 0, most: input.len().saturating_add(SPARE_BYTES) },
        })
    }

    /// Whether its stream comes in several scans. One that is made of the fields does not.
    pub(in super::super) fn is_buffered(&self, input: &[u8]) -> bool {
        let stream = self.stream.clone().and_then(|stream| input.get(stream));
        stream.is_some_and(Jpeg::is_buffered)
    }

    /// Writes the header, up to where the first bytes of the scan follow, which are those of the
    /// range, and then those of the strips, if any are left.
    pub(super) fn begin(
        &self,
        input: &[u8],
        to: &mut Vec<u8>,
    ) -> Result<(Range<usize>, Option<Strips>), Error> {
        let before = to.len();
        let mut header = Header::default();
        if let Some(stream) = &self.stream {
            header.copy(input, stream.clone(), to)?;
            // A marker at the most is no scan.
            if let Some(scan) = header.scan
                && stream.end.saturating_sub(scan) > 2
            {
                return Ok((scan..stream.end, None));
            }
        }
        let mut strips = self.strips.clone();
        let mut rest = 0..0;
        if header.scan.is_none() {
            let first = strips.chunks.range(input, 0, 0, 0)?;
            let first = first.start..first.end.min(input.len());
            header.copy(input, first.clone(), to)?;
            if let Some(scan) = header.scan {
                strips.next = 1;
                rest = scan..first.end;
            }
        }
        let Some(frame) = header.frame else {
            to.truncate(before);
            self.write_header(input, to)?;
            return Ok((0..0, Some(strips)));
        };
        if header.scan.is_none() {
            header.scan_at = to.len();
            frame.write_scan(to);
        }
        if !strips.is_one() {
            let interval = self.restart_interval_of(frame.mcu)?;
            to.splice(header.scan_at..header.scan_at, restart_interval(interval));
        }
        Ok((rest, Some(strips)))
    }

    /// MCUs of a strip.
    fn restart_interval_of(&self, (across, down): (u8, u8)) -> Result<u16, Error> {
        let side = |samples: u8| u32::from(samples).max(1) * 8;
        let width = u32::from(self.size.0).div_ceil(side(across));
        let mcus = width.saturating_mul(self.strips.chunks.height.div_ceil(side(down)));
        u16::try_from(mcus).map_err(|_| UNSUPPORTED)
    }

    /// Makes a header of what the fields say.
    fn write_header(&self, input: &[u8], to: &mut Vec<u8>) -> Result<(), Error> {
        let places = |field: &Option<Field>, index: u8| {
            let field = field.as_ref().ok_or(INVALID)?;
            // The last one is for all that follow.
            let index = u64::from(index).min(field.count.saturating_sub(1));
            usize::try_from(field.get(input, index)?).map_err(|_| TRUNCATED)
        };
        for component in 0..self.components {
            let start = places(&self.quantizers, component)?;
            let table = input.get(start..).and_then(|rest| rest.get(..64)).ok_or(TRUNCATED)?;
            to.extend([0xFF, 0xDB, 0, 67, component]);
            to.extend(table);
            for (class, field) in [(0, &self.dc_codes), (0x10, &self.ac_codes)] {
                let rest = input.get(places(field, component)?..).ok_or(TRUNCATED)?;
                let counts = rest.get(..16).ok_or(TRUNCATED)?;
                let codes = counts.iter().map(|&count| usize::from(count)).sum::<usize>();
                let table = rest.get(..16 + codes).ok_or(TRUNCATED)?;
                let length = u16::try_from(19 + codes).map_err(|_| INVALID)?;
                to.extend([0xFF, 0xC4]);
                to.extend(length.to_be_bytes());
                to.push(class | component);
                to.extend(table);
            }
        }
        let interval = match self.strips.is_one() {
            true => self.restart_interval,
            false => self.restart_interval_of(self.subsampling)?,
        };
        if interval > 0 {
            to.extend(restart_interval(interval));
        }
        let (width, height) = self.size;
        // Extended sequential, as it may have a table for each component.
        to.extend([0xFF, 0xC1, 0, 8 + 3 * self.components, 8]);
        to.extend(height.to_be_bytes());
        to.extend(width.to_be_bytes());
        to.push(self.components);
        for component in 0..self.components {
            let (across, down) = if component == 0 { self.subsampling } else { (1, 1) };
            to.extend([component + 1, across << 4 | down, component]);
        }
        to.extend([0xFF, 0xDA, 0, 6 + 2 * self.components, self.components]);
        for component in 0..self.components {
            to.extend([component + 1, component << 4 | component]);
        }
        to.extend([0, 63, 0]);
        Ok(())
    }
}

fn restart_interval(mcus: u16) -> [u8; 6] {
    let [high, low] = mcus.to_be_bytes();
    [0xFF, 0xDD, 0, 4, high, low]
}

/// What was found of a header, and copied.
#[derive(Debug, Default)]
struct Header {
    frame: Option<Frame>,
    /// Where the data of the scan begins in the file.
    scan: Option<usize>,
    /// Where the scan's header is in the copy.
    scan_at: usize,
}

#[derive(Debug)]
struct Frame {
    /// Blocks of an MCU, side by side and one above the other.
    mcu: (u8, u8),
    components: Vec<u8>,
}

impl Header {
    /// Copies what is needed of the segments that some data begins with, as far as it does.
    fn copy(&mut self, input: &[u8], data: Range<usize>, to: &mut Vec<u8>) -> Result<(), Error> {
        let start = data.start;
        let Some(data) = input.get(data) else { return Ok(()) };
        let mut segments = Segments::anywhere(data);
        let before = to.len();
        // What is no segment is data.
        while let Ok(Some(segment)) = segments.next_one() {
            match segment.marker {
                0xC0..=0xC2 => self.frame = Some(Frame::read(segment.body)?),
                0xDA => {
                    self.scan = Some(start + segment.start + segment.whole.len());
                    self.scan_at = to.len();
                }
                0xC4 | 0xDB | 0xDD => {}
                0xC3..=0xCF => return Err(UNSUPPORTED),
                0xD9 => return Ok(()),
                _ => continue,
            }
            to.extend_from_slice(segment.whole);
            if to.len() - before > MAX_HEADER_BYTES {
                return Err(INVALID);
            }
            if self.scan.is_some() {
                return Ok(());
            }
        }
        Ok(())
    }
}

impl Frame {
    fn read(body: &[u8]) -> Result<Self, Error> {
        let components = body.get(6..).unwrap_or_default().as_chunks::<3>().0;
        let &[_, sampling, _] = components.first().ok_or(INVALID)?;
        let components: Vec<u8> = components.iter().map(|&[id, ..]| id).collect();
        // A single component is not interleaved with any other.
        let mcu = if components.len() == 1 { (1, 1) } else { (sampling >> 4, sampling & 15) };
        if components.len() > 4 { Err(INVALID) } else { Ok(Frame { mcu, components }) }
    }

    /// Of all components, with the tables that they usually have.
    fn write_scan(&self, to: &mut Vec<u8>) {
        let count = self.components.len() as u8;
        to.extend([0xFF, 0xDA, 0, 6 + 2 * count, count]);
        for (place, &id) in self.components.iter().enumerate() {
            to.extend([id, if place == 0 { 0 } else { 0x11 }]);
        }
        to.extend([0, 63, 0]);
    }
}

impl Strips {
    fn is_one(&self) -> bool {
        self.chunks.down <= 1
    }

    /// The next strip, in front of which its marker is written. `None` behind the last one.
    pub(super) fn next(
        &mut self,
        input: &[u8],
        stream: &mut Vec<u8>,
    ) -> Option<Result<Range<usize>, Error>> {
        if self.next >= self.chunks.down {
            return None;
        }
        let range = match self.chunks.range(input, 0, self.next, 0) {
            Ok(range) => range.start..range.end.min(input.len()),
            Err(error) => return Some(Err(error)),
        };
        if stream.len().saturating_add(range.len()) > self.most {
            return Some(Err(INVALID));
        }
        if self.next > 0 {
            stream.extend([0xFF, 0xD0 | ((self.next - 1) % 8) as u8]);
        }
        self.next += 1;
        Some(Ok(range))
    }
}
