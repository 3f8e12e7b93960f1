//! From samples of the components to rows of the output: enlarged chroma, colors.

use rayon::ThreadPool;
use thumbelina_codec::threads::share_out;
use thumbelina_codec::{Error, Stop};

use crate::frame::{Ratio, Scaled};
use crate::header::Color;
use crate::kernels::Kernels;

/// Bytes of the output that a thread makes at a time, where several do, and below how many it is
/// not worth to wake others.
const BYTES_EACH: usize = 64 << 10;
const LEAST_BYTES_SHARED: usize = 512 << 10;

/// Rows of samples of a component that are still needed while the next row of MCUs comes, and those
/// that are not worth moving.
pub(crate) const KEPT_ROWS: usize = 4;

/// A band of one component's samples.
#[derive(Debug)]
struct Plane {
    scaled: Scaled,
    samples: Vec<u8>,
    /// Samples of a row, those that only fill the last MCU included.
    stride: usize,
    /// The component's row that comes first here, and how many are here.
    first: usize,
    rows: usize,
}

impl Plane {
    /// The component's part of row `y` of the output: as it is, or enlarged in `scratch`.
    fn output_row<'a>(
        &'a self,
        y: usize,
        width: usize,
        kernels: &Kernels,
        scratch: &'a mut Vec<u8>,
    ) -> &'a [u8] {
        let Scaled { enlarge_x, enlarge_y, .. } = self.scaled;
        if enlarge_x.is(1) && enlarge_y.is(1) {
            return &self.row(y)[..width];
        }
        scratch.resize(width, 0);
        let below = y % 2 == 1;
        let near = self.row(y / 2);
        let far = if below { self.row(y / 2 + 1) } else { self.row((y / 2).saturating_sub(1)) };
        // Where nothing lies between the ends there is nothing to go towards, says libjpeg.
        let narrow = enlarge_x.is(2) && self.scaled.width <= 2;
        if narrow {
            self.repeat(y, scratch);
        } else if enlarge_x.is(2) && enlarge_y.is(2) {
            (kernels.upsample_h2v2)(near, far, scratch);
        } else if enlarge_x.is(1) && enlarge_y.is(2) {
            (kernels.upsample_v2)(
                &near[..width],
                &far[..width],
                if below { 2 } else { 1 },
                scratch,
            );
        } else if enlarge_x.is(2) && enlarge_y.is(1) {
            (kernels.upsample_h2)(self.row(y), scratch);
        } else {
            self.repeat(y, scratch);
        }
        scratch
    }

    /// The component's part of row `y` of the output, each sample as often as it takes.
    fn repeat(&self, y: usize, out: &mut [u8]) {
        let Scaled { enlarge_x, enlarge_y, .. } = self.scaled;
        let row = self.row(y * enlarge_y.under as usize / enlarge_y.over as usize);
        let (over, under) = (enlarge_x.over as usize, enlarge_x.under as usize);
        for (x, out) in out.iter_mut().enumerate() {
            *out = row[(x * under / over).min(row.len() - 1)];
        }
    }

    /// A row of the component, or the last one that it has.
    fn row(&self, y: usize) -> &[u8] {
        let y = y.clamp(self.first, (self.first + self.rows).min(self.scaled.height as usize) - 1);
        &self.samples[(y - self.first) * self.stride..][..self.scaled.width as usize]
    }

    /// The first of the component's rows that row `y` of the output and those below it lean on.
    fn first_needed(&self, y: usize) -> usize {
        let Ratio { over, under } = self.scaled.enlarge_y;
        (y * under as usize / over as usize)
            .saturating_sub(usize::from(!self.scaled.enlarge_y.is(1)))
    }
}

/// The samples of one row of MCUs, by component.
pub(crate) struct McuRow<'a> {
    pub planes: [&'a mut [u8]; 4],
    pub strides: [usize; 4],
}

/// The samples between the inverse transform and the output: as many rows as are needed at a time.
pub(crate) struct Bands {
    planes: Vec<Plane>,
    color: Color,
    /// What inks are combined with, bit by bit, so that 0 is none.
    inversion: u8,
    kernels: Kernels,
    width: usize,
    height: usize,
    /// Rows of MCUs that have arrived, and how many there are.
    arrived: usize,
    mcu_rows: usize,
    /// The next row of the output.
    next: usize,
}

impl Bands {
    /// `mcus` is how many there are in each direction, `color` how the output is to be made.
    pub(crate) fn new(
        scaled: &[Scaled],
        mcus: (u32, u32),
        (width, height): (u32, u32),
        color: Color,
        inverted: bool,
        kernels: Kernels,
    ) -> Self {
        let plane = |&scaled: &Scaled| Plane {
            scaled,
            samples: Vec::new(),
            stride: mcus.0 as usize * scaled.mcu_columns(),
            first: 0,
            rows: 0,
        };
        Bands {
            planes: scaled.iter().map(plane).collect(),
            color,
            inversion: if inverted { u8::MAX } else { 0 },
            kernels,
            width: width as usize,
            height: height as usize,
            arrived: 0,
            mcu_rows: mcus.1 as usize,
            next: 0,
        }
    }

    /// Samples of a row of MCUs.
    pub(crate) fn mcu_row_len(&self) -> usize {
        self.planes.iter().map(|plane| plane.stride * plane.scaled.mcu_rows()).sum()
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.next == self.height
    }

    pub(crate) fn kernels(&self) -> Kernels {
        self.kernels
    }

    /// Rows of MCUs that are still to come.
    pub(crate) fn missing(&self) -> usize {
        self.mcu_rows - self.arrived
    }

    /// The next rows of MCUs, to be written. They hold whatever was there before.
    pub(crate) fn next_rows(&mut self, count: usize) -> Result<Vec<McuRow<'_>>, Error> {
        let mut rows: Vec<McuRow<'_>> =
            (0..count).map(|_| McuRow { planes: Default::default(), strides: [0; 4] }).collect();
        for (component, plane) in self.planes.iter_mut().enumerate() {
            let from = plane.rows * plane.stride;
            let each = plane.scaled.mcu_rows() * plane.stride;
            let len = from + each * count;
            if plane.samples.len() < len {
                // At least enough for one row of MCUs at a time.
                let least = (plane.scaled.mcu_rows() + KEPT_ROWS) * plane.stride;
                let more = len.max(least) - plane.samples.len();
                plane.samples.try_reserve_exact(more).map_err(|_| Error::OutOfMemory)?;
                plane.samples.resize(len.max(least), 0);
            }
            for (row, samples) in rows.iter_mut().zip(plane.samples[from..].chunks_exact_mut(each))
            {
                row.planes[component] = samples;
                row.strides[component] = plane.stride;
            }
        }
        Ok(rows)
    }

    /// The next rows of MCUs have been written.
    pub(crate) fn have_arrived(&mut self, count: usize) {
        self.arrived += count;
        for plane in &mut self.planes {
            plane.rows += count * plane.scaled.mcu_rows();
        }
    }

    /// How many rows of the output can be made now.
    pub(crate) fn ready(&self) -> usize {
        if self.arrived == self.mcu_rows {
            return self.height - self.next;
        }
        let until = self.planes.iter().map(|plane| {
            let rows = plane.first + plane.rows;
            let Ratio { over, under } = plane.scaled.enlarge_y;
            let rows = rows * over as usize / under as usize;
            // The last one leans on a row that is still to come.
            if plane.scaled.enlarge_y.is(2) { rows.saturating_sub(1) } else { rows }
        });
        until.min().unwrap_or(0).min(self.height).saturating_sub(self.next)
    }

    /// Makes the next `rows` of the output, which have to be [`ready`](Self::ready).
    pub(crate) fn make(
        &mut self,
        rows: usize,
        out: &mut Vec<u8>,
        pool: Option<&ThreadPool>,
        stop: &Stop,
    ) -> Result<(), Error> {
        let row_len = self.width * self.color.channels();
        if out.capacity() < rows * row_len {
            // All of it is written anew: no need to hold both.
            *out = Vec::new();
            out.try_reserve_exact(rows * row_len).map_err(|_| Error::OutOfMemory)?;
        }
        out.resize(rows * row_len, 0);
        let this = &*self;
        let each = (BYTES_EACH / row_len).max(1);
        match pool {
            Some(pool) if out.len() >= LEAST_BYTES_SHARED && rows > each => {
                let parts = out.chunks_mut(row_len * each).enumerate();
                share_out(pool, parts, |(i, out)| this.make_rows(this.next + i * each, out, stop));
            }
            _ => this.make_rows(this.next, out, stop),
        }
        stop.check()?;
        self.next += rows;
        self.forget();
        Ok(())
    }

    /// Drops the rows that no output needs any more.
    fn forget(&mut self) {
        for plane in &mut self.planes {
            let needed = plane.first_needed(self.next).clamp(plane.first, plane.first + plane.rows);
            let gone = needed - plane.first;
            // Moving what stays costs little where less stays than goes.
            if gone * 2 >= plane.rows {
                plane.samples.copy_within(gone * plane.stride..plane.rows * plane.stride, 0);
                plane.first = needed;
                plane.rows -= gone;
            }
        }
    }

    /// Leaves the rest out once it is to stop.
    fn make_rows(&self, first: usize, out: &mut [u8], stop: &Stop) {
        let mut scratch: [Vec<u8>; 4] = Default::default();
        let mut mixed = Vec::new();
        for (y, out) in (first..).zip(out.chunks_exact_mut(self.width * self.color.channels())) {
            if stop.is_asked() {
                return;
            }
            let mut rows: [&[u8]; 4] = Default::default();
            for ((plane, scratch), row) in self.planes.iter().zip(&mut scratch).zip(&mut rows) {
                *row = plane.output_row(y, self.width, &self.kernels, scratch);
            }
            self.convert(rows, &mut mixed, out);
        }
    }

    fn convert(&self, [a, b, c, d]: [&[u8]; 4], mixed: &mut Vec<u8>, out: &mut [u8]) {
        match self.color {
            Color::Gray => out.copy_from_slice(a),
            Color::GrayAlpha => {
                for ((out, &gray), &alpha) in out.as_chunks_mut().0.iter_mut().zip(a).zip(b) {
                    *out = [gray, alpha];
                }
            }
            Color::YCbCr => (self.kernels.ycc_to_rgb)(a, b, c, out),
            Color::Rgb => {
                let pixels = out.as_chunks_mut().0.iter_mut();
                for (((out, &r), &g), &b) in pixels.zip(a).zip(b).zip(c) {
                    *out = [r, g, b];
                }
            }
            Color::Cmyk => {
                let pixels = out.as_chunks_mut().0.iter_mut();
                for ((((out, &c), &m), &y), &k) in pixels.zip(a).zip(b).zip(c).zip(d) {
                    *out = [c, m, y, k].map(|ink| ink ^ self.inversion);
                }
            }
            Color::Ycck => {
                mixed.resize(3 * self.width, 0);
                (self.kernels.ycc_to_rgb)(a, b, c, mixed);
                // Colors of light are inks, inverted.
                let light = mixed.as_chunks().0.iter();
                for ((out, &[r, g, b]), &k) in out.as_chunks_mut().0.iter_mut().zip(light).zip(d) {
                    *out = [!r, !g, !b, k].map(|ink| ink ^ self.inversion);
                }
            }
        }
    }
}
