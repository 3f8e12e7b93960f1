//! The Elixir side has checked every option, so that here they only change their form.

use std::time::Duration;

use bytes::Bytes;
use rustler::{Decoder, NifMap, NifResult, NifUnitEnum, NifUntaggedEnum, Term};
use thumbelina_core::{
    Color, Comparison, Compression, Depth, EncodeOptions, Filter, Fit, Format, Formats, Keep,
    Limits, OnDamage, Output, OutputColor, Pixels, Placeholder, Position, Reference, Request, Run,
    Scheduler, Subsampling,
};

use super::pin;

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
struct ThumbnailTerm {
    width: Option<u32>,
    height: Option<u32>,
    fit: FitAtom,
    position: PositionTerm,
    enlarge: bool,
    background: Option<(u8, u8, u8, u8)>,
    linear: bool,
    format: Option<TargetTerm>,
    quality: u8,
    progressive: bool,
    subsampling: SubsamplingTerm,
    optimize_coding: bool,
    compression: Option<CompressionTerm>,
    colors: Option<u16>,
    dither: bool,
    max_bytes: Option<u64>,
    color: ColorAtom,
    filter: FilterAtom,
    metadata: Vec<KeptAtom>,
}

/// What an output is: a picture of a format, or samples, of so many channels and such a type where
/// these are given.
#[derive(NifUntaggedEnum)]
#[rustler(decode)]
enum TargetTerm {
    Format(FormatAtom),
    Pixels((PixelsAtom, Option<u8>, Option<DepthAtom>)),
}

#[derive(NifUnitEnum)]
#[rustler(decode)]
enum PixelsAtom {
    Pixels,
}

#[derive(NifUnitEnum)]
#[rustler(decode)]
enum DepthAtom {
    U8,
    U16,
    F32,
}

#[derive(NifUntaggedEnum)]
#[rustler(decode)]
enum SubsamplingTerm {
    Auto(AutoAtom),
    Ratio(String),
}

#[derive(NifUnitEnum)]
#[rustler(decode)]
enum AutoAtom {
    Auto,
}

#[derive(NifUntaggedEnum)]
#[rustler(decode)]
enum CompressionTerm {
    Level(u8),
    Method(CompressionAtom),
}

#[derive(NifUnitEnum)]
#[rustler(decode)]
enum CompressionAtom {
    None,
    Lzw,
    Deflate,
    Packbits,
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
    fn options(&self) -> EncodeOptions {
        EncodeOptions {
            quality: self.quality,
            progressive: self.progressive,
            subsampling: match &self.subsampling {
                SubsamplingTerm::Auto(AutoAtom::Auto) => Subsampling::Auto,
                SubsamplingTerm::Ratio(ratio) if ratio == "4:4:4" => Subsampling::None,
                SubsamplingTerm::Ratio(ratio) if ratio == "4:2:2" => Subsampling::Half,
                SubsamplingTerm::Ratio(_) => Subsampling::Quarter,
            },
            optimize_coding: self.optimize_coding,
            compression: self.compression.as_ref().map(|compression| match compression {
                CompressionTerm::Level(level) => Compression::Level(*level),
                CompressionTerm::Method(CompressionAtom::None) => Compression::None,
                CompressionTerm::Method(CompressionAtom::Lzw) => Compression::Lzw,
                CompressionTerm::Method(CompressionAtom::Deflate) => Compression::Deflate,
                CompressionTerm::Method(CompressionAtom::Packbits) => Compression::Packbits,
            }),
            colors: self.colors,
            dither: self.dither,
            max_bytes: self.max_bytes,
            ..EncodeOptions::default()
        }
    }

    fn output(&self) -> Output {
        let (format, pixels) = match &self.format {
            None => (None, None),
            Some(TargetTerm::Format(format)) => (Some(format.0), None),
            Some(TargetTerm::Pixels((PixelsAtom::Pixels, channels, depth))) => {
                let depth = depth.as_ref().map(|depth| match depth {
                    DepthAtom::U8 => Depth::U8,
                    DepthAtom::U16 => Depth::U16,
                    DepthAtom::F32 => Depth::F32,
                });
                (None, Some(Pixels { channels: *channels, depth }))
            }
        };
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
            format,
            pixels,
            options: self.options(),
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
            metadata: kept(&self.metadata),
            placeholder: None,
            comparison: None,
        }
    }
}

fn kept(parts: &[KeptAtom]) -> Keep {
    let mut keep = Keep::default();
    for part in parts {
        match part {
            KeptAtom::Exif => keep.exif = true,
            KeptAtom::Gps => keep.gps = true,
            KeptAtom::Copyright => keep.copyright = true,
            KeptAtom::Xmp => keep.xmp = true,
            KeptAtom::Iptc => keep.iptc = true,
            KeptAtom::Icc => keep.icc = true,
        }
    }
    keep
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
enum KeptAtom {
    Exif,
    Gps,
    Copyright,
    Xmp,
    Iptc,
    Icc,
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
