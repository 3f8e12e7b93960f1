//! Sequential pictures in one scan: rows come out as their MCUs go in.

use std::sync::{Arc, Mutex, PoisonError};

use rayon::{Scope, ThreadPool};
use thumbelina_codec::Stop;
use thumbelina_codec::threads::lock;

use crate::kernels::Kernels;
use crate::quota::Quota;
use crate::rows::{Bands, McuRow};
use crate::scan::{Predictions, Run, Scan};
use crate::scan_reader::{Found, ScanReader};
use crate::speculation::{Ahead, Row, Start, Work};
use crate::transform::Transform;
use crate::view::View;
use crate::{Error, OnDamage, Options};

/// Coefficients that are decoded before they are transformed: as many as stay in the first cache.
const COEFFICIENTS_TOGETHER: usize = 8 << 10;

/// Samples that several threads make before rows are handed over: few enough not to go through
/// fresh pages of memory, and work enough to be worth waking the threads.
const SAMPLES_TOGETHER: usize = 1 << 20;

/// Coefficients that a thread takes at a time to transform them, once they are there.
const COEFFICIENTS_EACH: usize = 16 << 10;

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

/// Where the blocks of a scan go.
#[derive(Debug)]
struct Layout {
    scan: Arc<Scan>,
    /// For each component of the scan: which of the picture's it is, and its transform.
    components: Vec<(usize, Transform)>,
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
    /// and says how many they were. Takes them for found if they are lost, too.
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
        let Section { filled, error, .. } = section.into_inner().unwrap_or_else(PoisonError::into_inner);
        bands.have_arrived(filled);
        error.map_or(Ok(filled), Err)
    }
}

/// Rows of MCUs that several threads fill.
struct Section<'a> {
    ahead: &'a mut Ahead,
    reader: &'a mut ScanReader,
    /// Those that nobody has taken yet.
    rows: std::vec::IntoIter<McuRow<'a>>,
    filled: usize,
    error: Option<Error>,
    /// Threads that are at it.
    workers: usize,
}

enum Task<'a> {
    /// To fill rows of MCUs.
    Fill(Vec<(McuRow<'a>, Row)>),
    /// To decode a piece.
    Decode(Work),
}

impl<'a> Section<'a> {
    fn next_task(&mut self, job: &Job<'_>) -> Option<Task<'a>> {
        let scan = &job.layout.scan;
        let most = (COEFFICIENTS_EACH / (scan.across as usize * scan.mcu_len)).max(1);
        let mut ready = Vec::new();
        while ready.len() < most && self.rows.len() > 0 {
            let Some(row) = self.ahead.take_row() else { break };
            ready.extend(self.rows.next().map(|to| (to, row)));
        }
        if !ready.is_empty() {
            self.filled += ready.len();
            return Some(Task::Fill(ready));
        }
        if self.rows.len() == 0 {
            return None;
        }
        self.ahead.hand_out(self.reader, job.view, job.threads, job.stop).map(Task::Decode)
    }

    /// Whether another thread would have something to do.
    fn has_tasks(&self, job: &Job<'_>) -> bool {
        self.rows.len() > 0 && (self.ahead.has_row() || self.ahead.has_pieces(job.threads))
    }
}

/// What is the same for all tasks.
struct Job<'a> {
    layout: &'a Layout,
    kernels: Kernels,
    view: View<'a>,
    stop: &'a Stop,
    threads: usize,
}

impl<'a> Job<'a> {
    /// Does tasks as long as there are any. A thread that finds none stops, and is called back by
    /// whoever makes more than it can do by itself.
    fn work<'s>(&'s self, scope: &Scope<'s>, section: &'s Mutex<Section<'a>>) {
        loop {
            let mut now = lock(section);
            let task = match self.stop.check() {
                Ok(()) => now.next_task(self),
                Err(stopped) => {
                    now.error = Some(stopped.into());
                    None
                }
            };
            let Some(task) = task else {
                now.workers -= 1;
                return;
            };
            let calls = now.workers < self.threads && now.has_tasks(self);
            now.workers += usize::from(calls);
            drop(now);
            if calls {
                scope.spawn(|scope| self.work(scope, section));
            }
            match task {
                Task::Decode(work) => {
                    let decoded = work.decode(self.view, self.stop);
                    let now = &mut *lock(section);
                    now.ahead.finished(now.reader, self.view, decoded);
                }
                Task::Fill(rows) => self.fill(rows, section),
            }
        }
    }

    fn fill(&self, rows: Vec<(McuRow<'_>, Row)>, section: &Mutex<Section<'_>>) {
        let mut used = Vec::with_capacity(rows.len() * 2);
        let mut coefficients = Vec::new();
        for (mut to, row) in rows {
            match row {
                Row::Decoded(runs) => {
                    let mut column = 0;
                    for run in &runs {
                        self.layout.transform(&self.kernels, run, &mut to, column);
                        column += run.count;
                    }
                    used.extend(runs);
                }
                Row::Begins(start) => {
                    if let Err(error) = self.decode(start, &mut to, &mut coefficients) {
                        lock(section).error = Some(error);
                    }
                }
            }
        }
        let now = &mut *lock(section);
        used.into_iter().for_each(|run| now.ahead.put_back(run));
    }

    /// Decodes a row of MCUs that is known to be sound.
    fn decode(&self, start: Start, row: &mut McuRow<'_>, coefficients: &mut Vec<i16>) -> Result<(), Error> {
        let scan = &self.layout.scan;
        let across = scan.across as usize;
        let mut reader =
            ScanReader::new(start.place.0, across as u64, 0, scan.max_mcu_bytes(), OnDamage::Fail);
        reader.go_to(start.place, across as u64, start.predictions);
        let mut column = 0;
        let mut quota = Quota::unlimited(self.stop);
        while column < across {
            let (next, from) = ((column, across - column), (self.view, &mut quota));
            match self.layout.decode(&self.kernels, &mut reader, coefficients, from, row, next)? {
                Found::Mcus(count) | Found::Lost(count) => column += count,
                Found::Nothing | Found::Starved => break,
            }
            self.stop.check()?;
        }
        Ok(())
    }
}

impl Layout {
    /// Decodes and transforms MCUs, at most `most` of a row from `column` on.
    #[inline(always)]
    fn decode(
        &self,
        kernels: &Kernels,
        reader: &mut ScanReader,
        coefficients: &mut Vec<i16>,
        (view, quota): (View<'_>, &mut Quota<'_>),
        row: &mut McuRow<'_>,
        (column, most): (usize, usize),
    ) -> Result<Found, Error> {
        let scan = &self.scan;
        let most = most.min((COEFFICIENTS_TOGETHER / scan.mcu_len).max(1));
        coefficients.clear();
        coefficients.resize(most * scan.mcu_len + 1, 0);
        let found = reader.decode(view, most, quota, |i, state, data| {
            let out = &mut coefficients[i * scan.mcu_len..];
            scan.decode(&mut state.bits, data, &mut state.predictions, out)
        })?;
        match found {
            Found::Mcus(count) => self.blocks(kernels, coefficients, [0; 4], count, row, column),
            Found::Lost(count) => self.lose(row, column, count),
            Found::Nothing | Found::Starved => {}
        }
        Ok(found)
    }

    /// Transforms what was decoded ahead.
    fn transform(&self, kernels: &Kernels, run: &Run, row: &mut McuRow<'_>, column: usize) {
        let coefficients = &run.coefficients[run.first * self.scan.mcu_len..];
        self.blocks(kernels, coefficients, run.offsets, run.count, row, column);
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
            // One block each of `count` MCUs; the last one's coefficients need not be followed by
            // more.
            let blocks = &coefficients[at.place..];
            let blocks = &blocks[..blocks.len().min(count * scan.mcu_len)];
            let samples = &mut plane[first..];
            transform.apply(kernels, (blocks, scan.mcu_len), offset, (samples, wide), stride);
        }
    }

    /// Fills MCUs with gray.
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
