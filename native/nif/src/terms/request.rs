//! The Elixir side has checked every option, so that here they only change their form.

use std::time::Duration;

use bytes::Bytes;
use rustler::{Decoder, NifMap, NifResult, NifUnitEnum, NifUntaggedEnum, Term};
use thumbelina_core::{
    Color, Comparison, EncodeOptions, Filter, Fit, Format, Formats, Limits, OnDamage, Output,
    OutputColor, Placeholder, Position, Reference, Request, Run, Scheduler,
};

use super::pin;
use super::step::StepTerm;

/// One call, as the Elixir side normalizes it.
#[derive(NifMap)]
#[rustler(decode)]
pub(crate) struct Call {
    outputs: Vec<OutputTerm>,
    autorotate: bool,
    trim: Option<f64>,
    on_damage: OnDamageAtom,
    max_pixels: u64,
    max_bytes_in: u64,
    max_memory: u64,
    formats: FormatsTerm,
    scheduler: SchedulerAtom,
    yield_limit: Option<u64>,
    /// Milliseconds.
    timeout: Option<u64>,
    /// Normal schedulers online.
    pub(crate) schedulers: usize,
    pub(crate) threads: Option<usize>,
    /// For tests: at most this many steps in a slice on a normal scheduler.
    pub(crate) steps_per_slice: Option<u32>,
    /// For tests: the step after so many panics.
    pub(crate) panic_after: Option<u32>,
}

#[derive(NifUntaggedEnum)]
#[rustler(decode)]
enum OutputTerm {
    Placeholder(PlaceholderTerm),
    Comparison(ComparisonTerm),
    Thumbnail(ThumbnailTerm),
}

#[derive(NifMap)]
#[rustler(decode)]
struct ComparisonTerm {
    /// Width, height and pixels of another picture. `nil` asks for those of this one.
    comparison: Option<(u32, u32, PixelsTerm)>,
}

#[derive(NifMap)]
#[rustler(decode)]
struct PlaceholderTerm {
    placeholder: PlaceholderAtom,
}

#[derive(NifMap)]
#[rustler(decode)]
pub(super) struct ThumbnailTerm {
    width: Option<u32>,
    height: Option<u32>,
    fit: FitAtom,
    position: PositionTerm,
    enlarge: bool,
    background: Option<(u8, u8, u8, u8)>,
    linear: bool,
    format: Option<FormatAtom>,
    quality: u8,
    color: ColorAtom,
    filter: FilterAtom,
    steps: Vec<StepTerm>,
}

impl Call {
    /// Whether the plan may choose the scheduler.
    pub(crate) fn is_auto(&self) -> bool {
        matches!(self.scheduler, SchedulerAtom::Auto)
    }

    pub(crate) fn timeout(&self) -> Option<Duration> {
        self.timeout.map(Duration::from_millis)
    }

    pub(crate) fn request(&self) -> Request {
        let defaults = Run::default();
        Request {
            outputs: self.outputs.iter().map(OutputTerm::output).collect(),
            autorotate: self.autorotate,
            trim: self.trim.map(|threshold| threshold as f32),
            on_damage: match self.on_damage {
                OnDamageAtom::Error => OnDamage::Error,
                OnDamageAtom::Gray => OnDamage::Gray,
            },
            limits: Limits {
                max_pixels: self.max_pixels,
                max_bytes_in: self.max_bytes_in,
                formats: self.formats.formats(),
            },
            max_memory: self.max_memory,
            run: Run {
                scheduler: match self.scheduler {
                    SchedulerAtom::Auto => None,
                    SchedulerAtom::Normal => Some(Scheduler::Normal),
                    SchedulerAtom::Dirty => Some(Scheduler::Dirty),
                },
                yield_limit: self.yield_limit.unwrap_or(defaults.yield_limit),
                share_limit: defaults.share_limit,
            },
        }
    }
}

impl OutputTerm {
    fn output(&self) -> Output {
        match self {
            OutputTerm::Placeholder(term) => term.placeholder.0.output(),
            OutputTerm::Comparison(term) => term.output(),
            OutputTerm::Thumbnail(term) => term.output(),
        }
    }
}

impl ComparisonTerm {
    fn output(&self) -> Output {
        let comparison = match &self.comparison {
            Some((width, height, PixelsTerm(pixels))) => Comparison::With(Reference {
                width: *width,
                height: *height,
                pixels: pixels.clone(),
            }),
            None => Comparison::Reference,
        };
        Output { comparison: Some(comparison), ..Output::default() }
    }
}

impl ThumbnailTerm {
    pub(super) fn output(&self) -> Output {
        Output {
            width: self.width,
            height: self.height,
            fit: match self.fit {
                FitAtom::Contain => Fit::Contain,
                FitAtom::Cover => Fit::Cover,
                FitAtom::Fill => Fit::Fill,
                FitAtom::Pad => Fit::Pad,
                FitAtom::Outside => Fit::Outside,
            },
            position: match self.position {
                PositionTerm::Point((x, y)) => Position::Point(x, y),
                PositionTerm::Interest(InterestAtom::Attention) => Position::Attention,
                PositionTerm::Interest(InterestAtom::Entropy) => Position::Entropy,
            },
            enlarge: self.enlarge,
            background: self
                .background
                .map(|(red, green, blue, alpha)| Color([red, green, blue, alpha])),
            linear: self.linear,
            format: self.format.as_ref().map(|format| format.0),
            options: EncodeOptions { quality: self.quality, ..EncodeOptions::default() },
            color: match self.color {
                ColorAtom::Srgb => OutputColor::Srgb,
                ColorAtom::Keep => OutputColor::Keep,
            },
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
            steps: self.steps.iter().map(StepTerm::operation).collect(),
            placeholder: None,
            comparison: None,
        }
    }
}

/// What a picture may be whose header alone is read.
#[derive(NifMap)]
#[rustler(decode)]
pub(crate) struct Probe {
    max_bytes_in: u64,
    formats: FormatsTerm,
}

impl Probe {
    pub(crate) fn limits(&self) -> Limits {
        Limits {
            max_bytes_in: self.max_bytes_in,
            formats: self.formats.formats(),
            ..Limits::default()
        }
    }
}

#[derive(NifUntaggedEnum)]
#[rustler(decode)]
enum FormatsTerm {
    Named(FormatsAtom),
    Listed(Vec<FormatAtom>),
}

#[derive(NifUnitEnum)]
#[rustler(decode)]
enum FormatsAtom {
    Default,
    All,
}

impl FormatsTerm {
    fn formats(&self) -> Formats {
        match self {
            FormatsTerm::Named(FormatsAtom::Default) => Formats::default(),
            FormatsTerm::Named(FormatsAtom::All) => Formats::all(),
            FormatsTerm::Listed(listed) => {
                listed.iter().fold(Formats::EMPTY, |formats, format| formats.with(format.0))
            }
        }
    }
}

#[derive(NifUnitEnum)]
#[rustler(decode)]
enum FitAtom {
    Contain,
    Cover,
    Fill,
    Pad,
    Outside,
}

#[derive(NifUntaggedEnum)]
#[rustler(decode)]
enum PositionTerm {
    Point((f64, f64)),
    Interest(InterestAtom),
}

#[derive(NifUnitEnum)]
#[rustler(decode)]
enum InterestAtom {
    Attention,
    Entropy,
}

/// The pixels of another picture, which stay where they are.
struct PixelsTerm(Bytes);

impl<'a> Decoder<'a> for PixelsTerm {
    fn decode(term: Term<'a>) -> NifResult<Self> {
        pin(term).map(PixelsTerm)
    }
}

#[derive(NifUnitEnum)]
#[rustler(decode)]
enum ColorAtom {
    Srgb,
    Keep,
}

#[derive(NifUnitEnum)]
#[rustler(decode)]
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
#[rustler(decode)]
enum OnDamageAtom {
    Error,
    Gray,
}

#[derive(NifUnitEnum)]
#[rustler(decode)]
enum SchedulerAtom {
    Auto,
    Normal,
    Dirty,
}

/// A format by its name.
struct FormatAtom(Format);

impl<'a> Decoder<'a> for FormatAtom {
    fn decode(term: Term<'a>) -> NifResult<Self> {
        let name = term.atom_to_string()?;
        let found = Format::ALL.into_iter().find(|format| format.name() == name);
        found.map(FormatAtom).ok_or(rustler::Error::BadArg)
    }
}

/// A kind of placeholder by its name.
struct PlaceholderAtom(Placeholder);

impl<'a> Decoder<'a> for PlaceholderAtom {
    fn decode(term: Term<'a>) -> NifResult<Self> {
        let name = term.atom_to_string()?;
        let found = Placeholder::ALL.into_iter().find(|placeholder| placeholder.name() == name);
        found.map(PlaceholderAtom).ok_or(rustler::Error::BadArg)
    }
}
