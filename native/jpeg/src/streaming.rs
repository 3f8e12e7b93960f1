//! Sequential pictures in one scan: rows come out as their MCUs go in.

use std::collections::VecDeque;
use std::sync::Arc;

use rayon::ThreadPool;
use rayon::prelude::*;

use crate::cursor::{Cursor, Found};
use crate::kernels::Kernels;
use crate::planes::{Bands, McuRow, Transform};
use crate::scan::{Predictions, Run, Scan};
use crate::{Error, Options, parallel};

/// MCUs that are decoded before they are transformed: as many as stay in the first cache.
const COEFFICIENTS_TOGETHER: usize = 8 << 10;

/// After this, one thread does the rest.
const MAX_MISSES: u32 = 2;

#[derive(Debug)]
pub(crate) struct Streaming {
    scan: Arc<Scan>,
    layout: Layout,
    cursor: Cursor,
    coefficients: Vec<i16>,
    /// The next column of the row of MCUs that is being filled.
    column: usize,
    /// MCUs that were decoded ahead by several threads, and how many they are.
    ahead: VecDeque<Run>,
    spare: parallel::Spare,
    /// How often in a row no more than one thread's work could be used.
    misses: u32,
    /// Bytes that a thread takes at a time.
    piece: usize,
}

/// Where the blocks of a scan go.
#[derive(Debug)]
struct Layout {
    scan: Arc<Scan>,
    /// For each component of the scan: which of the picture's it is, and its transform.
    components: Vec<(usize, Transform)>,
}

impl Streaming {
    pub(crate) fn new(
        scan: Arc<Scan>,
        components: Vec<(usize, Transform)>,
        offset: usize,
        options: &Options,
    ) -> Self {
        let together = (COEFFICIENTS_TOGETHER / scan.mcu_len).max(1);
        Streaming {
            cursor: Cursor::new(
                offset,
                scan.mcus(),
                scan.restart_interval,
                scan.max_mcu_bytes(),
                options.on_damage,
            ),
            coefficients: vec![0; together * scan.mcu_len + 1],
            layout: Layout { scan: scan.clone(), components },
            scan,
            column: 0,
            ahead: VecDeque::new(),
            spare: parallel::Spare::default(),
            misses: 0,
            piece: options.piece,
        }
    }

    /// Decodes about `most` more MCUs of the next row of MCUs, and says how many they were.
    pub(crate) fn advance(&mut self, input: &[u8], bands: &mut Bands, most: usize) -> Result<usize, Error> {
        let across = self.scan.across as usize;
        let kernels = bands.kernels();
        let mut rows = bands.next_rows(1);
        let Some(row) = rows.first_mut() else { return Ok(0) };
        let mut done = 0;
        while done < most.max(1) && self.column < across {
            let count = self.step(input, &kernels, row, across - self.column)?;
            self.column += count;
            done += count;
        }
        if self.column == across {
            self.column = 0;
            bands.have_arrived(1);
        }
        Ok(done)
    }

    fn step(
        &mut self,
        input: &[u8],
        kernels: &Kernels,
        row: &mut McuRow<'_>,
        most: usize,
    ) -> Result<usize, Error> {
        if let Some(run) = self.ahead.front_mut() {
            let count = run.count.min(most);
            self.layout.transform(kernels, run, 0, count, row, self.column);
            run.first += count;
            run.count -= count;
            if run.count == 0 {
                self.ahead.pop_front();
            }
            return Ok(count);
        }
        let together = (self.coefficients.len() - 1) / self.scan.mcu_len;
        let most = most.min(together);
        let coefficients = &mut self.coefficients[..=most * self.scan.mcu_len];
        coefficients.fill(0);
        let scan = &self.scan;
        let found = self.cursor.decode(input, most, |i, reader, data| {
            let out = &mut coefficients[i * scan.mcu_len..];
            scan.decode(&mut reader.bits, data, &mut reader.predictions, out)
        })?;
        match found {
            Found::Mcus(count) => {
                self.layout.blocks(kernels, coefficients, [0; 4], count, row, self.column);
                Ok(count)
            }
            Found::Lost(count) => {
                self.layout.lose(row, self.column, count);
                Ok(count)
            }
        }
    }

    /// Fills as many rows of MCUs as one window of the data holds, on all threads of the pool: none
    /// where that does not pay.
    pub(crate) fn advance_together(
        &mut self,
        input: &[u8],
        bands: &mut Bands,
        pool: &ThreadPool,
    ) -> Result<usize, Error> {
        if self.column > 0 {
            return Ok(0);
        }
        let across = self.scan.across as usize;
        let ahead: usize = self.ahead.iter().map(|run| run.count).sum();
        if ahead < across && self.misses < MAX_MISSES {
            let runs = parallel::decode(&self.scan, &mut self.cursor, input, self.piece, &self.spare, pool);
            // Where guesses do not come true, they are not repeated for ever.
            self.misses = if runs.len() < 2 { self.misses + 1 } else { 0 };
            self.ahead.extend(runs.into_iter().filter(|run| run.count > 0));
        }
        let ahead: usize = self.ahead.iter().map(|run| run.count).sum();
        let count = ahead / across;
        if count == 0 {
            return Ok(0);
        }
        let kernels = bands.kernels();
        let rows = bands.next_rows(count);
        let mut work: Vec<_> = rows.into_iter().map(|row| (row, self.take(across))).collect();
        let layout = &self.layout;
        pool.install(|| {
            work.par_iter_mut().for_each(|(row, runs)| {
                let mut column = 0;
                for run in runs {
                    layout.transform(&kernels, run, 0, run.count, row, column);
                    column += run.count;
                }
            });
        });
        for run in work.into_iter().flat_map(|(_, runs)| runs) {
            if let Ok(coefficients) = Arc::try_unwrap(run.coefficients) {
                self.spare.put(coefficients);
            }
        }
        bands.have_arrived(count);
        Ok(count)
    }

    /// The next `count` MCUs that were decoded ahead.
    fn take(&mut self, mut count: usize) -> Vec<Run> {
        let mut taken = Vec::with_capacity(2);
        while count > 0
            && let Some(run) = self.ahead.front_mut()
        {
            let part = run.count.min(count);
            taken.push(Run { coefficients: run.coefficients.clone(), count: part, ..*run });
            run.first += part;
            run.count -= part;
            count -= part;
            if run.count == 0 {
                self.ahead.pop_front();
            }
        }
        taken
    }
}

impl Layout {
    fn transform(
        &self,
        kernels: &Kernels,
        run: &Run,
        from: usize,
        count: usize,
        row: &mut McuRow<'_>,
        column: usize,
    ) {
        let first = (run.first + from) * self.scan.mcu_len;
        self.blocks(kernels, &run.coefficients[first..], run.offsets, count, row, column);
    }

    /// Transforms MCUs to their places in a row of MCUs, from a column on.
    fn blocks(
        &self,
        kernels: &Kernels,
        coefficients: &[i16],
        offsets: Predictions,
        count: usize,
        row: &mut McuRow<'_>,
        column: usize,
    ) {
        let scan = &self.scan;
        for at in &scan.blocks {
            let (component, transform) = &self.components[at.component];
            let (plane, stride) = (&mut row.planes[*component], row.strides[*component]);
            let side = at.class.side();
            let wide = stride / scan.across as usize;
            let first = at.row as usize * side * stride + at.column as usize * side + column * wide;
            let offset = offsets[at.component];
            // One block each of `count` MCUs; the last one's coefficients need not be followed by more.
            let blocks = &coefficients[at.place..];
            let blocks = &blocks[..blocks.len().min(count * scan.mcu_len)];
            let samples = &mut plane[first..];
            transform.apply(kernels, (blocks, scan.mcu_len), offset, (samples, wide), stride);
        }
    }

    /// Fills MCUs with grey.
    fn lose(&self, row: &mut McuRow<'_>, column: usize, count: usize) {
        for (component, _) in &self.components {
            let (plane, stride) = (&mut row.planes[*component], row.strides[*component]);
            let wide = stride / self.scan.across as usize;
            for line in plane.chunks_exact_mut(stride) {
                line[column * wide..(column + count) * wide].fill(128);
            }
        }
    }
}
