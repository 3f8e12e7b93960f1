use bytemuck::Pod;

/// What the sums of a kind of sample need to be exact (integers) or close (floats).
pub(super) trait Summed: Pod + Send + Sync {
    type Column: Copy + Default + bytemuck::Zeroable + Into<Self::Block> + Send;
    type Weighed: Copy + Default + bytemuck::Zeroable + Into<Self::Block> + Send;
    type Block: Copy + Default + bytemuck::Zeroable + std::ops::AddAssign + Send;
    /// The rows whose sum fits into a `Column` or `Weighed`.
    const ROWS: u32;
    /// What full alpha multiplies by.
    const WEIGHED_SCALE: f64;

    fn add(columns: &mut [Self::Column], row: &[Self]);
    /// Adds colors times alpha, and alpha times full alpha. Alpha is the last channel.
    fn weigh<const CHANNELS: usize>(columns: &mut [Self::Weighed], row: &[Self]);
    /// Makes of samples that were copied what they are taken for.
    fn clean(_samples: &mut [Self]) {}
    /// Rounds sums times `factor`.
    fn average(sums: &[Self::Block], out: &mut [Self], factor: f64);
}

impl Summed for u8 {
    type Column = u16;
    type Weighed = u32;
    type Block = u64;
    const ROWS: u32 = 257;
    const WEIGHED_SCALE: f64 = 255.0;

    fn add(columns: &mut [u16], row: &[u8]) {
        for (column, &sample) in columns.iter_mut().zip(row) {
            *column += u16::from(sample);
        }
    }

    fn weigh<const CHANNELS: usize>(columns: &mut [u32], row: &[u8]) {
        let (columns, _) = columns.as_chunks_mut::<CHANNELS>();
        let (row, _) = row.as_chunks::<CHANNELS>();
        for (column, pixel) in columns.iter_mut().zip(row) {
            let alpha = u32::from(pixel[CHANNELS - 1]);
            for channel in 0..CHANNELS - 1 {
                column[channel] += u32::from(pixel[channel]) * alpha;
            }
            column[CHANNELS - 1] += 255 * alpha;
        }
    }

    fn average(sums: &[u64], out: &mut [u8], factor: f64) {
        for (out, &sum) in out.iter_mut().zip(sums) {
            *out = (sum as f64 * factor + 0.5) as u8;
        }
    }
}

impl Summed for u16 {
    type Column = u32;
    type Weighed = u64;
    type Block = u64;
    const ROWS: u32 = 65_537;
    const WEIGHED_SCALE: f64 = 65_535.0;

    fn add(columns: &mut [u32], row: &[u16]) {
        for (column, &sample) in columns.iter_mut().zip(row) {
            *column += u32::from(sample);
        }
    }

    fn weigh<const CHANNELS: usize>(columns: &mut [u64], row: &[u16]) {
        let (columns, _) = columns.as_chunks_mut::<CHANNELS>();
        let (row, _) = row.as_chunks::<CHANNELS>();
        for (column, pixel) in columns.iter_mut().zip(row) {
            let alpha = u64::from(pixel[CHANNELS - 1]);
            for channel in 0..CHANNELS - 1 {
                column[channel] += u64::from(pixel[channel]) * alpha;
            }
            column[CHANNELS - 1] += 65_535 * alpha;
        }
    }

    fn average(sums: &[u64], out: &mut [u16], factor: f64) {
        for (out, &sum) in out.iter_mut().zip(sums) {
            *out = (sum as f64 * factor + 0.5) as u16;
        }
    }
}

impl Summed for f32 {
    type Column = f32;
    type Weighed = f32;
    type Block = f64;
    const ROWS: u32 = 256;
    const WEIGHED_SCALE: f64 = 1.0;

    fn add(columns: &mut [f32], row: &[f32]) {
        for (column, &sample) in columns.iter_mut().zip(row) {
            *column += finite(sample);
        }
    }

    fn weigh<const CHANNELS: usize>(columns: &mut [f32], row: &[f32]) {
        let (columns, _) = columns.as_chunks_mut::<CHANNELS>();
        let (row, _) = row.as_chunks::<CHANNELS>();
        for (column, pixel) in columns.iter_mut().zip(row) {
            let alpha = finite(pixel[CHANNELS - 1]).clamp(0.0, 1.0);
            for channel in 0..CHANNELS - 1 {
                column[channel] += finite(pixel[channel]) * alpha;
            }
            column[CHANNELS - 1] += alpha;
        }
    }

    fn clean(samples: &mut [f32]) {
        samples.iter_mut().for_each(|sample| *sample = finite(*sample));
    }

    fn average(sums: &[f64], out: &mut [f32], factor: f64) {
        for (out, &sum) in out.iter_mut().zip(sums) {
            *out = (sum * factor) as f32;
        }
    }
}

/// The brightest float that is believed. A single infinity or NaN would otherwise spread over
/// everything that the kernel touches.
const BRIGHTEST: f32 = 1e6;

fn finite(sample: f32) -> f32 {
    if sample.is_nan() { 0.0 } else { sample.clamp(-BRIGHTEST, BRIGHTEST) }
}
