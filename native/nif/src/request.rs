//! Terms in. The Elixir side has checked every option, so that here they only change their form.

use rustler::{Decoder, NifMap, NifResult, NifUnitEnum, NifUntaggedEnum, Term};
use thumbelina_core::{Filter, Fit, Format, Formats, Limits, OnDamage, Request, Scheduler};

/// One call, as the Elixir side normalizes it.
#[derive(NifMap)]
pub(crate) struct Call {
    width: Option<u32>,
    height: Option<u32>,
    fit: FitAtom,
    enlarge: bool,
    format: Option<FormatAtom>,
    quality: u8,
    filter: FilterAtom,
    on_damage: OnDamageAtom,
    max_pixels: u64,
    max_bytes_in: u64,
    max_memory: u64,
    formats: FormatsTerm,
    scheduler: SchedulerAtom,
    yield_limit: Option<u64>,
    /// Normal schedulers online.
    pub(crate) schedulers: usize,
    pub(crate) threads: Option<usize>,
    /// For tests: at most this many steps in a slice of the yielding road.
    pub(crate) steps_per_slice: Option<u32>,
}

impl Call {
    /// Whether the plan may choose the road.
    pub(crate) fn is_auto(&self) -> bool {
        matches!(self.scheduler, SchedulerAtom::Auto)
    }

    pub(crate) fn request(&self) -> Request {
        let defaults = Request::default();
        Request {
            width: self.width,
            height: self.height,
            fit: match self.fit {
                FitAtom::Contain => Fit::Contain,
                FitAtom::Cover => Fit::Cover,
                FitAtom::Fill => Fit::Fill,
            },
            enlarge: self.enlarge,
            format: self.format.as_ref().map(|format| format.0),
            quality: self.quality,
            filter: match self.filter {
                FilterAtom::Nearest => Filter::Nearest,
                FilterAtom::Box => Filter::Box,
                FilterAtom::Bilinear => Filter::Bilinear,
                FilterAtom::Hamming => Filter::Hamming,
                FilterAtom::CatmullRom => Filter::CatmullRom,
                FilterAtom::Mitchell => Filter::Mitchell,
                FilterAtom::Gaussian => Filter::Gaussian,
                FilterAtom::Lanczos3 => Filter::Lanczos3,
            },
            on_damage: match self.on_damage {
                OnDamageAtom::Error => OnDamage::Error,
                OnDamageAtom::Gray => OnDamage::Gray,
            },
            limits: Limits {
                max_pixels: self.max_pixels,
                max_bytes_in: self.max_bytes_in,
                max_memory: self.max_memory,
                formats: self.formats.formats(),
            },
            scheduler: match self.scheduler {
                SchedulerAtom::Auto => Scheduler::Auto,
                SchedulerAtom::Normal => Scheduler::Normal,
                SchedulerAtom::Dirty => Scheduler::Dirty,
            },
            yield_limit: self.yield_limit.unwrap_or(defaults.yield_limit),
            share_limit: defaults.share_limit,
        }
    }
}

/// What a picture may be whose header alone is read.
#[derive(NifMap)]
pub(crate) struct Probe {
    max_bytes_in: u64,
    formats: FormatsTerm,
}

impl Probe {
    pub(crate) fn limits(&self) -> Limits {
        Limits { max_bytes_in: self.max_bytes_in, formats: self.formats.formats(), ..Limits::default() }
    }
}

#[derive(NifUntaggedEnum)]
enum FormatsTerm {
    Named(FormatsAtom),
    Listed(Vec<FormatAtom>),
}

#[derive(NifUnitEnum)]
enum FormatsAtom {
    Default,
    All,
}

impl FormatsTerm {
    fn formats(&self) -> Formats {
        match self {
            FormatsTerm::Named(FormatsAtom::Default) => Formats::default(),
            FormatsTerm::Named(FormatsAtom::All) => Formats::ALL,
            FormatsTerm::Listed(listed) => {
                listed.iter().fold(Formats::EMPTY, |formats, format| formats.with(format.0))
            }
        }
    }
}

#[derive(NifUnitEnum)]
enum FitAtom {
    Contain,
    Cover,
    Fill,
}

#[derive(NifUnitEnum)]
enum FilterAtom {
    Nearest,
    Box,
    Bilinear,
    Hamming,
    CatmullRom,
    Mitchell,
    Gaussian,
    Lanczos3,
}

#[derive(NifUnitEnum)]
enum OnDamageAtom {
    Error,
    Gray,
}

#[derive(NifUnitEnum)]
enum SchedulerAtom {
    Auto,
    Normal,
    Dirty,
}

struct FormatAtom(Format);

impl<'a> Decoder<'a> for FormatAtom {
    fn decode(term: Term<'a>) -> NifResult<Self> {
        let name = term.atom_to_string()?;
        let found = Format::ALL.into_iter().find(|format| format.name() == name);
        found.map(FormatAtom).ok_or(rustler::Error::BadArg)
    }
}

impl rustler::Encoder for FormatAtom {
    fn encode<'a>(&self, env: rustler::Env<'a>) -> Term<'a> {
        crate::reply::format(self.0).encode(env)
    }
}
