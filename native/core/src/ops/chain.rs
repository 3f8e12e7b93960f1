use rayon::prelude::*;
use thumbelina_codec::{Budget, Context, Held};

use super::op::{Bands, Op, Scratch};
use crate::picture::{Picture, Shape};
use crate::{Error, cost};

/// Operations at work, one after the other, each on all of what the one before has made.
pub(crate) struct Chain {
    /// The next one is the last here.
    ops: Vec<Box<dyn Op>>,
    shape: Shape,
    picture: Picture,
    held: Held,
    /// What the current operation makes.
    making: Option<Making>,
    scratch: Scratch,
}

struct Making {
    shape: Shape,
    picture: Picture,
    held: Held,
    bands: Bands,
    /// Rows that are made.
    rows: u32,
}

impl Chain {
    /// `held` is what the picture takes.
    pub(crate) fn new(
        mut ops: Vec<Box<dyn Op>>,
        shape: Shape,
        picture: Picture,
        held: Held,
    ) -> Self {
        ops.reverse();
        Chain { ops, shape, picture, held, making: None, scratch: Scratch::new() }
    }

    /// The most that is held on one thread beside the picture that is begun with.
    pub(crate) fn memory(ops: &[Box<dyn Op>], shape: &Shape) -> u64 {
        let mut from = *shape;
        // Every picture but the first is held while it is made, and while the next one is.
        let (mut most, mut before) = (0, 0);
        for op in ops {
            let to = op.shape(&from);
            most = most.max(before + to.bytes() + op.memory(&from));
            before = to.bytes();
            from = to;
        }
        most
    }

    pub(crate) fn is_done(&self) -> bool {
        self.ops.is_empty()
    }

    /// The estimated nanoseconds of the next step without a pool.
    pub(crate) fn next_nanos(&self) -> u64 {
        let Some(op) = self.ops.last() else { return 0 };
        match op.prepare_nanos() {
            0 if self.making.is_none() && op.look_nanos(&self.shape) > 0 => {
                op.look_nanos(&self.shape)
            }
            0 => op.bands(&self.shape).nanos,
            nanos => nanos,
        }
    }

    pub(crate) fn into_picture(self) -> (Picture, Held) {
        (self.picture, self.held)
    }

    /// Makes a band of rows, or with a pool some for each thread.
    pub(crate) fn step(&mut self, context: &Context) -> Result<(), Error> {
        context.stop.check()?;
        let Some(op) = self.ops.last_mut() else { return Ok(()) };
        if self.making.is_none() {
            if !op.look(&self.picture, &self.shape)? {
                return Ok(());
            }
            let takes_long = op.prepare_nanos() > 0;
            let _held = context.budget.hold(if takes_long { op.prepare_memory() } else { 0 })?;
            op.prepare(&self.picture);
            if takes_long && context.pool.is_none() {
                return Ok(());
            }
        }
        let making = match &mut self.making {
            Some(making) => making,
            None => self.making.insert(Making::new(&**op, &self.shape, context.budget)?),
        };
        while !making.picture.grow() {
            if context.pool.is_none() {
                return Ok(());
            }
            context.stop.check()?;
        }
        making.add(&**op, (&self.picture, &self.shape), &mut self.scratch, context)?;
        if making.rows == making.shape.height
            && let Some(Making { shape, picture, held, .. }) = self.making.take()
        {
            (self.shape, self.picture, self.held) = (shape, picture, held);
            self.ops.pop();
        }
        Ok(())
    }
}

impl Making {
    fn new(op: &dyn Op, from: &Shape, budget: &Budget) -> Result<Self, Error> {
        let shape = op.shape(from);
        let held = budget.hold(shape.bytes())?;
        let picture = Picture::reserved(&shape)?;
        Ok(Making { shape, picture, held, bands: op.bands(from), rows: 0 })
    }

    fn add(
        &mut self,
        op: &dyn Op,
        (from, shape): (&Picture, &Shape),
        scratch: &mut Scratch,
        context: &Context,
    ) -> Result<(), Error> {
        let (first, each, height) = (self.rows, self.bands.rows, self.shape.height);
        let memory = op.memory(shape);
        let pool = context.pool.filter(|_| height - first > each);
        let together = pool.map_or(1, |pool| {
            let threads = pool.current_num_threads() as u64;
            let room = context.budget.left() / memory.max(1);
            // Fewer bands than threads, where there is no room for one on each.
            if room < threads { room.max(1) } else { threads * u64::from(cost::BANDS_PER_THREAD) }
        });
        let end = height.min(first.saturating_add(each.saturating_mul(together as u32)));
        let threads = pool.map_or(1, |pool| together.min(pool.current_num_threads() as u64));
        let _held = context.budget.hold(memory * threads)?;
        let row = self.shape.row_bytes();
        let out = self.picture.samples.bytes_mut();
        let out = out.get_mut(first as usize * row..end as usize * row).ok_or(Error::Internal)?;
        let bands = out.par_chunks_mut(each as usize * row).enumerate();
        let make = |scratch: &mut Scratch, (band, out): (usize, &mut [u8])| {
            context.stop.check()?;
            let top = first + band as u32 * each;
            op.band(from, top..end.min(top + each), scratch, out)
        };
        match pool {
            Some(pool) => pool.install(|| bands.try_for_each_init(Scratch::new, make))?,
            None => make(scratch, (0, out))?,
        }
        self.rows = end;
        Ok(())
    }
}
