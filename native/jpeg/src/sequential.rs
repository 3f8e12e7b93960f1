//! Sequential pictures in one scan: rows come out as their MCUs go in.

use std::sync::{Arc, Mutex, PoisonError};

use rayon::ThreadPool;
use thumbelina_codec::Stop;

use crate::kernels::Kernels;
use crate::layout::Layout;
use crate::quota::Quota;
use crate::rows::{Bands, McuRow};
use crate::scan::Scan;
use crate::scan_reader::{Found, ScanReader};
use crate::sharing::{Job, Section};
use crate::speculation::Ahead;
use crate::transform::Transform;
use crate::view::View;
use crate::{Error, Options};

/// Samples that several threads make before rows are handed over: few enough not to go through
/// fresh pages of memory, and work enough to be worth waking the threads.
const SAMPLES_TOGETHER: usize = 1 << 20;

#[derive(Debug)]
pub(crate) struct Sequential {
    scan: Arc<Scan>,
    layout: Layout,
    reader: ScanReader,
    coefficients: Vec<i16>,
    /// The next column of the row of MCUs that is being filled.
    column: usize,
    /// MCUs that several threads decoded ahead.
    ahead: Ahead,
}

impl Sequential {
    pub(crate) fn new(
        scan: Arc<Scan>,
        components: Vec<(usize, Transform)>,
        offset: usize,
        options: &Options,
    ) -> Self {
        Sequential {
            reader: ScanReader::new(
                offset,
                scan.mcus(),
                scan.restart_interval,
                scan.max_mcu_bytes(),
                options.on_damage,
            ),
            coefficients: Vec::new(),
            layout: Layout { scan: scan.clone(), components },
            ahead: Ahead::new(&scan, options.piece),
            scan,
            column: 0,
        }
    }

    /// Decodes about `most` (not 0) more MCUs of the next row of MCUs, as far as the quota goes,
    /// and says how many they were. Those that are lost count, too.
    pub(crate) fn advance(
        &mut self,
        view: View<'_>,
        bands: &mut Bands,
        most: usize,
        quota: &mut Quota<'_>,
    ) -> Result<Found, Error> {
        let across = self.scan.across as usize;
        let kernels = bands.kernels();
        let mut rows = bands.next_rows(1)?;
        let Some(row) = rows.first_mut() else { return Ok(Found::Nothing) };
        let (mut done, mut found) = (0, Found::Nothing);
        while done < most && self.column < across {
            found = self.step(view, &kernels, row, across - self.column, quota)?;
            let (Found::Mcus(count) | Found::Lost(count)) = found else { break };
            self.column += count;
            done += count;
        }
        if self.column == across {
            self.column = 0;
            bands.have_arrived(1);
        }
        Ok(if done > 0 { Found::Mcus(done) } else { found })
    }

    /// What comes before this place of the input is not needed any more, unless several threads
    /// have decoded ahead.
    pub(crate) fn needed(&self) -> usize {
        self.reader.needed()
    }

    fn step(
        &mut self,
        view: View<'_>,
        kernels: &Kernels,
        row: &mut McuRow<'_>,
        most: usize,
        quota: &mut Quota<'_>,
    ) -> Result<Found, Error> {
        if let Some(run) = self.ahead.take(most) {
            let count = run.count;
            self.layout.transform(kernels, &run, row, self.column);
            self.ahead.put_back(run);
            return Ok(Found::Mcus(count));
        }
        self.ahead.leave(&mut self.reader);
        let (next, from) = ((self.column, most), (view, quota));
        self.layout.decode(kernels, &mut self.reader, &mut self.coefficients, from, row, next)
    }

    /// Fills rows of MCUs on all threads of the pool, and says how many: none where that does not
    /// pay.
    pub(crate) fn advance_together(
        &mut self,
        view: View<'_>,
        bands: &mut Bands,
        pool: &ThreadPool,
        stop: &Stop,
    ) -> Result<usize, Error> {
        if self.column > 0 {
            return Ok(0);
        }
        let most = SAMPLES_TOGETHER / bands.mcu_row_len();
        let job = Job {
            layout: &self.layout,
            kernels: bands.kernels(),
            view,
            stop,
            threads: pool.current_num_threads(),
        };
        let rows = bands.next_rows(most.clamp(1, bands.missing()))?;
        self.ahead.retry();
        let section = Mutex::new(Section {
            ahead: &mut self.ahead,
            reader: &mut self.reader,
            rows: rows.into_iter(),
            filled: 0,
            error: None,
            workers: 1,
        });
        // This thread begins at once, while others still wake.
        pool.in_place_scope(|scope| job.work(scope, &section));
        let Section { filled, error, .. } =
            section.into_inner().unwrap_or_else(PoisonError::into_inner);
        bands.have_arrived(filled);
        error.map_or(Ok(filled), Err)
    }
}
