//! A section of a sequential scan, shared out over the threads of a pool.

use std::sync::Mutex;

use rayon::Scope;
use thumbelina_codec::Stop;
use thumbelina_codec::threads::lock;

use crate::kernels::Kernels;
use crate::layout::Layout;
use crate::piece::Work;
use crate::quota::Quota;
use crate::rows::McuRow;
use crate::scan_reader::{Found, ScanReader};
use crate::speculation::{Ahead, Row, Start};
use crate::view::View;
use crate::{Error, OnDamage};

/// Coefficients that a thread takes at a time to transform them, once they are there.
const COEFFICIENTS_EACH: usize = 16 << 10;

/// Rows of MCUs that several threads fill.
pub(crate) struct Section<'a> {
    pub ahead: &'a mut Ahead,
    pub reader: &'a mut ScanReader,
    /// Those that nobody has taken yet.
    pub rows: std::vec::IntoIter<McuRow<'a>>,
    pub filled: usize,
    pub error: Option<Error>,
    /// Threads that are at it.
    pub workers: usize,
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
pub(crate) struct Job<'a> {
    pub layout: &'a Layout,
    pub kernels: Kernels,
    pub view: View<'a>,
    pub stop: &'a Stop,
    pub threads: usize,
}

impl<'a> Job<'a> {
    /// Does tasks as long as there are any. A thread that finds none stops, and is called back by
    /// whoever makes more than it can do by itself.
    pub(crate) fn work<'s>(&'s self, scope: &Scope<'s>, section: &'s Mutex<Section<'a>>) {
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
    fn decode(
        &self,
        start: Start,
        row: &mut McuRow<'_>,
        coefficients: &mut Vec<i16>,
    ) -> Result<(), Error> {
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
