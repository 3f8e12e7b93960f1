//! Any bytes at all through a whole job, on both schedulers, in steps and in pieces by chance: the
//! same bytes or the same error come out, no more is held than is allowed, and no step and no file
//! takes longer than its bytes and pixels are worth. `README.md` next to `Cargo.toml` says how to
//! run it.

pub mod edits;
pub mod metadata;
pub mod positions;
pub mod profiles;
mod tiff;

#[path = "../../core/tests/common/lies.rs"]
mod lies;
#[path = "../../core/tests/common/trial.rs"]
mod trial;

use bytes::Bytes;
use thumbelina_core::{
    Encoded, Error, Filter, Fit, Format, Formats, Input, Limit, Limits, OnDamage, Output,
    Placeholder, Position, Request, Run, Scheduler, probe,
};
use trial::counting::Counting;
use trial::{Arrival, Schedulers};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// So that an input is quick.
const MOST_PIXELS: u64 = 1 << 20;
const MOST_MEMORY: u64 = 64 << 20;

const POSITIONS: [Position; 4] = [
    Position::Point(0.5, 0.5),
    Position::Point(0.0, 1.0),
    Position::Point(1.0, 0.0),
    Position::Point(0.3, 0.81),
];

/// Chance that depends on the input alone: all of its bytes are the picture's.
struct Chance(u64);

impl Chance {
    fn of(data: &[u8]) -> Self {
        let hash = |hash: u64, &byte: &u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3);
        Chance(data.iter().fold(0xCBF2_9CE4_8422_2325, hash))
    }

    fn bits(&mut self) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 ^ self.0 >> 32
    }

    fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.bits() as usize % choices.len()]
    }
}

pub fn observe(format: Format, data: &[u8]) {
    let mut chance = Chance::of(data);
    let mut file = data.to_vec();
    if matches!(format, Format::Png | Format::Ico) {
        lies::repair_png(&mut file);
    }
    let input = Bytes::from(file);
    let limits = Limits {
        max_pixels: MOST_PIXELS,
        formats: Formats::EMPTY.with(format),
        ..Limits::default()
    };
    let _ = probe(&mut Input::whole(input.clone()), &limits);
    let side = |chance: &mut Chance| Some(chance.one_of(&[1, 2, 7, 31, 200, 1000]));
    let output = Output {
        width: side(&mut chance),
        height: chance.one_of(&[None, Some(1), Some(9), Some(150)]),
        fit: chance.one_of(&[Fit::Contain, Fit::Cover, Fit::Fill]),
        position: chance.one_of(&POSITIONS),
        enlarge: chance.one_of(&[false, false, false, true]),
        format: Some(chance.one_of(&[Format::Png, Format::Jpeg, Format::Pnm, Format::Bmp])),
        filter: chance.one_of(&[Filter::Lanczos3, Filter::Lanczos3, Filter::Nearest, Filter::Box]),
        ..Output::default()
    };
    let placeholders = Placeholder::ALL.map(Some);
    let output = match chance.one_of(&[&[None; 15][..], &placeholders].concat()) {
        Some(placeholder) => placeholder.output(),
        None => output,
    };
    let scheduler = chance.one_of(&[None, Some(Scheduler::Normal), Some(Scheduler::Dirty)]);
    let request = Request {
        on_damage: chance.one_of(&[OnDamage::Error, OnDamage::Gray]),
        limits,
        max_memory: MOST_MEMORY,
        run: Run { scheduler, ..Run::default() },
        ..output.into()
    };
    let _ = same_everywhere(&input, &request, chance.bits());
}

/// The result is the same however the work is done.
fn same_everywhere(input: &Bytes, request: &Request, seed: u64) -> Result<Vec<Encoded>, Error> {
    let mut chance = Chance(seed);
    let whole = trial::observe(input, request.clone(), Arrival::Whole, Schedulers::Dirty).outcome;
    let mixed = Schedulers::Mixed(chance.bits());
    let cut = Arrival::Pieces(chance.bits());
    for (arrival, schedulers) in [
        (Arrival::Whole, Schedulers::Normal),
        (Arrival::Whole, mixed),
        (cut, Schedulers::Normal),
        (cut, mixed),
    ] {
        let outcome = trial::observe(input, request.clone(), arrival, schedulers).outcome;
        // What is put together of pieces counts.
        let is_memory = |error| matches!(error, Error::Limit { limit: Limit::MaxMemory, .. });
        if matches!(arrival, Arrival::Pieces(_))
            && outcome.as_ref().is_err_and(|&error| is_memory(error))
        {
            continue;
        }
        assert_eq!(outcome, whole, "{arrival:?}, {schedulers:?}");
    }
    whole
}

/// Choices that the beginning of the data makes, so that a small change of it is a small change of
/// what is done.
pub(crate) struct Choices<'a>(&'a [u8]);

impl Choices<'_> {
    /// 0 once there are no more.
    fn byte(&mut self) -> u8 {
        let Some((&first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        first
    }

    fn long(&mut self) -> u64 {
        (0..8).fold(0, |long, _| long << 8 | u64::from(self.byte()))
    }

    fn flag(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    fn below(&mut self, most: u32) -> u32 {
        u32::from(self.byte()) % most
    }

    fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[usize::from(self.byte()) % choices.len()]
    }

    /// Both ends among them.
    fn between(&mut self, low: f64, high: f64) -> f64 {
        let word = u16::from_be_bytes([self.byte(), self.byte()]);
        low + (high - low) * f64::from(word) / 65_535.0
    }
}
