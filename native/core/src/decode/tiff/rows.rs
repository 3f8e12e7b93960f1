//! The rows of one chunk after another, with the planes of their samples put together.

use bytes::Bytes;

use super::chunks::Chunks;
use super::compression::{Done, Jpeg, OldJpeg, Zstd};
use super::description::{Compression, Description, Predictor};
use super::directory::ByteOrder;
use super::lane::{Lane, Quota};
use super::samples::{Conversion, RowMut};
use super::unpack;
use crate::limits::Limit;
use crate::picture::zeroed;
use crate::{Error, Layout, OnDamage};

pub(super) struct ChunkRows {
    input: Bytes,
    picture: Description,
    chunks: Chunks,
    layout: Layout,
    conversion: Conversion,
    jpeg_tables: Bytes,
    old_jpeg: Option<OldJpeg>,
    on_damage: OnDamage,
    /// Whether the first of several JPEGs has its coefficients kept: then all of them may.
    buffered: bool,
    /// One for each plane.
    lanes: Vec<Lane>,
    /// A row of all planes together, where there are several.
    gathered: Vec<u8>,
    /// A row of samples that have become whole bytes.
    unpacked: Vec<u8>,
    /// Rows that share their chroma.
    units: Vec<u8>,
    spare: Vec<u8>,
    /// Rows of the current chunk that are to come, and those that were.
    left: u32,
    done: u32,
    /// Whether the rest of the current chunk cannot be had.
    broken: bool,
    /// How many bytes decompressors may be fed altogether.
    allowed: u64,
}

/// Strips may lie over one another, and files share those that are the same, blank ones above all.
/// What is fed to decompressors has to be in the file, though, or else be worth its pixels: half a
/// byte for each is more than what is shared ever takes. A byte takes 50 ns at the most.
const FREE_BYTES: u64 = 64 << 10;

/// About what it takes to look a chunk up.
const START: Done = Done { consumed: 32, produced: 256 };

impl ChunkRows {
    pub(super) fn new(
        input: Bytes,
        picture: Description,
        chunks: Chunks,
        conversion: Conversion,
    ) -> Self {
        let pixels = u64::from(picture.width) * u64::from(picture.height);
        let allowed = input.len() as u64 + pixels / 2 + FREE_BYTES;
        let buffered = picture.compression.is_jpeg()
            && chunks.range(&input, 0, 0, 0).is_ok_and(|range| {
                Jpeg::is_buffered(&input[range.start..range.end.min(input.len())])
            });
        ChunkRows {
            buffered,
            input,
            layout: picture.layout(),
            picture,
            chunks,
            conversion,
            jpeg_tables: Bytes::new(),
            old_jpeg: None,
            on_damage: OnDamage::Error,
            lanes: Vec::new(),
            gathered: Vec::new(),
            unpacked: Vec::new(),
            units: Vec::new(),
            spare: Vec::new(),
            left: 0,
            done: 0,
            broken: false,
            allowed,
        }
    }

    pub(super) fn with_jpeg_tables(self, jpeg_tables: Bytes) -> Self {
        ChunkRows { jpeg_tables, ..self }
    }

    pub(super) fn of_old_jpeg(self, old_jpeg: OldJpeg) -> Self {
        let buffered = self.buffered || old_jpeg.is_buffered(&self.input);
        ChunkRows { old_jpeg: Some(old_jpeg), buffered, ..self }
    }

    /// Says what becomes of chunks that are not there or make no sense.
    ///
    /// # Errors
    /// That there are too few of them.
    pub(super) fn on_damage(&mut self, on_damage: OnDamage) -> Result<(), Error> {
        self.on_damage = on_damage;
        match on_damage {
            OnDamage::Error if self.old_jpeg.is_none() => {
                self.chunks.check(&self.input, &self.picture)
            }
            OnDamage::Error | OnDamage::Gray => Ok(()),
        }
    }

    /// The sides of a chunk.
    fn chunk(&self) -> (u32, u32) {
        (self.chunks.width, self.chunks.height)
    }

    /// The most pixels of a chunk's row that are seen.
    fn visible(&self) -> u32 {
        self.chunks.width.min(self.picture.width)
    }

    /// The most that it takes, its input aside.
    pub(super) fn memory(&self) -> Result<u64, Error> {
        let mut lane = Lane::memory(&self.picture, self.chunk(), self.visible())?;
        if self.picture.compression.is_jpeg() {
            let chunk = self.chunk();
            lane += match self.old_jpeg {
                Some(_) => self.input.len() as u64,
                None => self.chunks.longest(&self.input) as u64,
            };
            lane += Jpeg::memory(&self.picture, chunk, self.buffered);
        }
        let rows = self.gathered_bytes() + self.unpacked_bytes() + self.units_bytes();
        Ok(lane * self.picture.planes() as u64 + (rows + self.spare_bytes()) as u64)
    }

    fn gathered_bytes(&self) -> usize {
        if !self.picture.planar {
            return 0;
        }
        self.visible() as usize * self.picture.planes() * self.picture.whole_bytes()
    }

    fn unpacked_bytes(&self) -> usize {
        if !self.picture.is_packed() {
            return 0;
        }
        self.visible() as usize * self.picture.chunk_samples() * self.picture.whole_bytes()
    }

    fn units_bytes(&self) -> usize {
        if self.picture.subsampling == (1, 1) {
            return 0;
        }
        self.picture.chunk_row_bytes(self.visible()) as usize
    }

    fn spare_bytes(&self) -> usize {
        if !self.picture.predictor.stands_apart() {
            return 0;
        }
        self.picture.chunk_row_bytes(self.chunks.width) as usize
    }

    /// The estimated nanoseconds of the smallest piece that chunks are decoded in.
    pub(super) fn least_nanos(&self) -> u64 {
        if self.picture.compression == Compression::Zstd { Zstd::STEP_NANOS } else { 0 }
    }

    /// Takes the memory that is needed. `false` if it was there before.
    pub(super) fn prepare(&mut self) -> Result<bool, Error> {
        if !self.lanes.is_empty() {
            return Ok(false);
        }
        for _ in 0..self.picture.planes() {
            let jpeg = self.picture.compression.is_jpeg().then(|| {
                let chunk = self.chunk();
                let tables = self.jpeg_tables.clone();
                let jpeg = Jpeg::new(tables, &self.picture, chunk, self.buffered, self.on_damage);
                match &self.old_jpeg {
                    Some(old) => jpeg.of_old(old.clone()),
                    None => jpeg,
                }
            });
            let lane = Lane::new(&self.picture, self.chunk(), self.visible(), jpeg)?;
            self.lanes.push(lane);
        }
        self.gathered = zeroed(self.gathered_bytes())?;
        self.unpacked = zeroed(self.unpacked_bytes())?;
        self.units = zeroed(self.units_bytes())?;
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
            self.left = self.chunks.height.min(self.picture.height - row);
            (self.done, self.broken) = (0, false);
            let started = self.start(row / self.chunks.height, column, quota);
            if let Err(error) = started {
                quota.spend(START);
                let rows = std::mem::take(&mut self.left);
                self.bear(error)?;
                self.left = rows;
            }
        }
        match self.fill(quota) {
            Ok(true) => {}
            Ok(false) => return Ok(false),
            Err(error) => self.bear(error)?,
        }
        if self.broken {
            quota.spend(Done { consumed: 0, produced: self.chunks.width as usize });
            to.fill_gray(self.layout);
        } else {
            self.convert(quota, to);
        }
        self.left -= 1;
        self.done += 1;
        Ok(true)
    }

    /// Goes on without the rest of the chunk, if that is wanted.
    fn bear(&mut self, error: Error) -> Result<(), Error> {
        match (self.on_damage, error) {
            (OnDamage::Gray, Error::Truncated { .. } | Error::Invalid { .. }) => {
                self.broken = true;
                Ok(())
            }
            (_, error) => Err(error),
        }
    }

    /// Whether the next row of pixels has rows of the lanes to be made of.
    fn begins_units(&self) -> bool {
        self.done.is_multiple_of(self.picture.rows_together())
    }

    /// Sees to it that each lane has a row, if one is needed.
    fn fill(&mut self, quota: &mut Quota) -> Result<bool, Error> {
        if self.broken || !self.begins_units() {
            return Ok(true);
        }
        for lane in &mut self.lanes {
            if !lane.fill(&self.input, quota)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn convert(&mut self, quota: &mut Quota, to: RowMut<'_>) {
        let begins_units = self.begins_units();
        let (picture, input, spare) = (&self.picture, &self.input[..], &mut self.spare);
        match &mut self.lanes[..] {
            [lane] if !self.units.is_empty() => {
                if begins_units {
                    let units = lane.take(picture, input, spare, quota);
                    let len = units.len().min(self.units.len());
                    self.units[..len].copy_from_slice(&units[..len]);
                }
                let row = self.done % picture.rows_together();
                self.conversion.row_of_units(&self.units, picture.subsampling, row, to);
            }
            [lane] => {
                let row = lane.take(picture, input, spare, quota);
                self.conversion.row(unpacked(picture, row, &mut self.unpacked), to);
            }
            lanes => {
                let stride = lanes.len();
                for (plane, lane) in lanes.iter_mut().enumerate() {
                    let row = lane.take(picture, input, spare, quota);
                    let row = unpacked(picture, row, &mut self.unpacked);
                    gather(row, &mut self.gathered, picture.whole_bytes(), plane, stride);
                }
                self.conversion.row(&self.gathered, to);
            }
        }
    }

    /// Starts on a chunk.
    fn start(&mut self, row: u32, column: u32, quota: &mut Quota) -> Result<(), Error> {
        let fed = self.lanes.iter().map(Lane::fed).sum();
        Limit::MaxBytesIn.check(fed, self.allowed)?;
        let columns = self.chunks.width.min(self.picture.width - column * self.chunks.width);
        for (plane, lane) in self.lanes.iter_mut().enumerate() {
            let data = match self.old_jpeg {
                Some(_) => 0..self.input.len(),
                None => self.chunks.range(&self.input, plane, row, column)?,
            };
            lane.restart(&self.input, data, (columns, self.left), quota)?;
        }
        Ok(())
    }
}

/// A row whose samples have whole bytes.
fn unpacked<'a>(picture: &Description, row: &'a [u8], room: &'a mut [u8]) -> &'a [u8] {
    if !picture.is_packed() {
        return row;
    }
    let order = match picture.predictor {
        Predictor::Float => ByteOrder::Big,
        _ => picture.order,
    };
    unpack::unpack(row, picture.bits, order, room);
    if picture.predictor == Predictor::Horizontal {
        unpack::add(room, picture.bits, picture.chunk_samples());
    }
    room
}

/// Puts one plane's samples among those of the others.
fn gather(from: &[u8], to: &mut [u8], bytes: usize, plane: usize, planes: usize) {
    fn each<const N: usize>(from: &[u8], to: &mut [u8], plane: usize, planes: usize) {
        let to = to.as_chunks_mut::<N>().0;
        for (to, from) in to.iter_mut().skip(plane).step_by(planes).zip(from.as_chunks::<N>().0) {
            *to = *from;
        }
    }
    match bytes {
        1 => each::<1>(from, to, plane, planes),
        2 => each::<2>(from, to, plane, planes),
        4 => each::<4>(from, to, plane, planes),
        _ => each::<8>(from, to, plane, planes),
    }
}
