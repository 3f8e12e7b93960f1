//! The rows of one chunk after another, with the planes of their samples put together.

use bytes::Bytes;

use super::chunks::Chunks;
use super::compression::Jpeg;
use super::description::{Compression, Description, Predictor};
use super::lane::{Lane, Quota};
use super::samples::{Conversion, RowMut};
use crate::Error;
use crate::limits::Limit;
use crate::picture::zeroed;

pub(super) struct ChunkRows {
    input: Bytes,
    picture: Description,
    chunks: Chunks,
    conversion: Conversion,
    jpeg_tables: Bytes,
    /// Whether the first of several JPEGs has its coefficients kept: then all of them may.
    buffered: bool,
    /// One for each plane.
    lanes: Vec<Lane>,
    /// A row of all planes together, where there are several.
    gathered: Vec<u8>,
    spare: Vec<u8>,
    /// Rows of the current chunk that are to come.
    left: u32,
    /// How many bytes decompressors may be fed altogether.
    allowed: u64,
}

/// Strips may lie over one another, and files share those that are the same, blank ones above all.
/// What is fed to decompressors has to be in the file, though, or else be worth its pixels: half a
/// byte for each is more than what is shared ever takes. A byte takes 50 ns at the most.
const FREE_BYTES: u64 = 64 << 10;

impl ChunkRows {
    pub(super) fn new(
        input: Bytes,
        picture: Description,
        chunks: Chunks,
        conversion: Conversion,
        jpeg_tables: Bytes,
    ) -> Self {
        let pixels = u64::from(picture.width) * u64::from(picture.height);
        let allowed = input.len() as u64 + pixels / 2 + FREE_BYTES;
        let buffered = picture.compression == Compression::Jpeg
            && chunks.range(&input, 0, 0, 0).is_ok_and(|range| Jpeg::is_buffered(&input[range]));
        ChunkRows {
            buffered,
            input,
            picture,
            chunks,
            conversion,
            jpeg_tables,
            lanes: Vec::new(),
            gathered: Vec::new(),
            spare: Vec::new(),
            left: 0,
            allowed,
        }
    }

    /// The most pixels of a chunk's row that are seen.
    fn visible(&self) -> u32 {
        self.chunks.width.min(self.picture.width)
    }

    /// The most that it takes, its input aside.
    pub(super) fn memory(&self) -> Result<u64, Error> {
        let mut lane = Lane::memory(&self.picture, self.chunks.width, self.visible())?;
        if self.picture.compression == Compression::Jpeg {
            let chunk = (self.chunks.width, self.chunks.height);
            lane += self.chunks.longest(&self.input) as u64;
            lane += Jpeg::memory(&self.picture, chunk, self.buffered);
        }
        Ok(lane * self.picture.planes() as u64
            + (self.gathered_bytes() + self.spare_bytes()) as u64)
    }

    fn gathered_bytes(&self) -> usize {
        if !self.picture.planar {
            return 0;
        }
        self.visible() as usize * self.picture.planes() * (self.picture.bits / 8) as usize
    }

    fn spare_bytes(&self) -> usize {
        if self.picture.predictor != Predictor::Float {
            return 0;
        }
        self.picture.chunk_row_bytes(self.chunks.width) as usize
    }

    /// Takes the memory that is needed. `false` if it was there before.
    pub(super) fn prepare(&mut self) -> Result<bool, Error> {
        if !self.lanes.is_empty() {
            return Ok(false);
        }
        for _ in 0..self.picture.planes() {
            let jpeg = match self.picture.compression {
                Compression::Jpeg => {
                    let chunk = (self.chunks.width, self.chunks.height);
                    Some(Jpeg::new(self.jpeg_tables.clone(), &self.picture, chunk, self.buffered))
                }
                _ => None,
            };
            let lane = Lane::new(&self.picture, self.chunks.width, self.visible(), jpeg)?;
            self.lanes.push(lane);
        }
        self.gathered = zeroed(self.gathered_bytes())?;
        self.spare = zeroed(self.spare_bytes())?;
        Ok(true)
    }

    /// Decodes the next row of the current chunk, or the first one of the chunk of this row and
    /// column. `false` where that takes more than the quota: call again.
    pub(super) fn next(
        &mut self,
        row: u32,
        column: u32,
        quota: &mut Quota,
        to: RowMut<'_>,
    ) -> Result<bool, Error> {
        if self.left == 0 {
            self.left = self.start(row / self.chunks.height, column, quota)?;
        }
        for lane in &mut self.lanes {
            if !lane.fill(&self.input, quota)? {
                return Ok(false);
            }
        }
        let (picture, input, spare) = (&self.picture, &self.input[..], &mut self.spare);
        match &mut self.lanes[..] {
            [lane] => self.conversion.row(lane.take(picture, input, spare, quota), to),
            lanes => {
                let stride = lanes.len();
                for (plane, lane) in lanes.iter_mut().enumerate() {
                    let samples = lane.take(picture, input, spare, quota);
                    gather(samples, &mut self.gathered, picture.bits, plane, stride);
                }
                self.conversion.row(&self.gathered, to);
            }
        }
        self.left -= 1;
        Ok(true)
    }

    /// Starts on a chunk, and returns how many rows of it are seen.
    fn start(&mut self, row: u32, column: u32, quota: &mut Quota) -> Result<u32, Error> {
        let fed = self.lanes.iter().map(Lane::fed).sum();
        Limit::MaxBytesIn.check(fed, self.allowed)?;
        let columns = self.chunks.width.min(self.picture.width - column * self.chunks.width);
        let rows = self.chunks.height.min(self.picture.height - row * self.chunks.height);
        for (plane, lane) in self.lanes.iter_mut().enumerate() {
            let data = self.chunks.range(&self.input, plane, row, column)?;
            lane.restart(&self.input, data, (columns, rows), quota)?;
        }
        Ok(rows)
    }
}

/// Puts one plane's samples among those of the others.
fn gather(from: &[u8], to: &mut [u8], bits: u32, plane: usize, planes: usize) {
    fn each<const N: usize>(from: &[u8], to: &mut [u8], plane: usize, planes: usize) {
        let to = to.as_chunks_mut::<N>().0;
        for (to, from) in to.iter_mut().skip(plane).step_by(planes).zip(from.as_chunks::<N>().0) {
            *to = *from;
        }
    }
    match bits {
        8 => each::<1>(from, to, plane, planes),
        16 => each::<2>(from, to, plane, planes),
        _ => each::<4>(from, to, plane, planes),
    }
}
