use rustler::types::atom::nil;
use rustler::{Atom, Encoder, Env, NewBinary, NifMap, Term};
use thumbelina_core::{
    ColorModel, Depth, Details, Encoded, Encoding, Error, Format, Info, Layout, Limit, OutputPlan,
    Plan, ProfileUse, Reason, Scheduler, Value,
};

use crate::atoms;

/// An error as data: which fields are set depends on the reason.
#[derive(NifMap)]
#[rustler(encode)]
pub(crate) struct ErrorTerm {
    reason: Atom,
    format: Option<Atom>,
    limit: Option<Atom>,
    value: Option<u64>,
    maximum: Option<u64>,
    offset: Option<u64>,
}

#[derive(NifMap)]
#[rustler(encode)]
pub(crate) struct InfoTerm {
    format: Atom,
    width: u32,
    height: u32,
    orientation: u8,
}

#[derive(NifMap)]
#[rustler(encode)]
pub(crate) struct DetailsTerm<'a> {
    format: Atom,
    width: u32,
    height: u32,
    orientation: u8,
    frames: u64,
    color_space: Atom,
    alpha: bool,
    /// The kind of a sample, and its bits.
    depth: (Atom, u8),
    profile: Option<String>,
    exif: Term<'a>,
    icc: Term<'a>,
    xmp: Term<'a>,
    iptc: Term<'a>,
}

#[derive(NifMap)]
#[rustler(encode)]
pub(crate) struct PlanTerm {
    outputs: Vec<OutputTerm>,
    decode: u64,
    resample: u64,
    encode: u64,
    scheduler: Atom,
    reason: Atom,
}

#[derive(NifMap)]
#[rustler(encode)]
struct OutputTerm {
    width: u32,
    height: u32,
    format: Atom,
    /// Left, top, width and height.
    crop: Option<(f64, f64, f64, f64)>,
    decode_scale: (u32, u32),
}

/// Durations are microseconds.
#[derive(NifMap)]
#[rustler(encode)]
pub(crate) struct StatsTerm {
    pub(crate) schedulers: Vec<Atom>,
    pub(crate) slices: u64,
    pub(crate) longest_slice: u64,
    pub(crate) decode: u64,
    pub(crate) resample: u64,
    pub(crate) encode: u64,
    pub(crate) bytes_in: u64,
    pub(crate) pixels_in: u64,
    pub(crate) bytes_out: u64,
    pub(crate) pixels_out: u64,
    pub(crate) profile: Atom,
}

pub(crate) fn encode_error<'a>(env: Env<'a>, error: Error) -> Term<'a> {
    (atoms::error(), self::error(env, error)).encode(env)
}

fn format(env: Env, format: Format) -> Atom {
    encoding(env, format.into())
}

fn encoding(env: Env, encoding: Encoding) -> Atom {
    // Its name is no atom that could not be made.
    Atom::from_str(env, encoding.name()).unwrap_or_else(|_| atoms::error())
}

/// The encoding's name, and of samples how many channels they have and of what type they are.
fn kind(env: Env<'_>, encoding: Encoding) -> Term<'_> {
    let name = self::encoding(env, encoding);
    let Encoding::Pixels(layout) = encoding else { return name.encode(env) };
    let depth = match layout.depth {
        Depth::U8 => atoms::u8(),
        Depth::U16 => atoms::u16(),
        Depth::F32 => atoms::f32(),
    };
    (name, layout.channels, depth).encode(env)
}

fn error(env: Env, error: Error) -> ErrorTerm {
    let plain = |reason| ErrorTerm {
        reason,
        format: None,
        limit: None,
        value: None,
        maximum: None,
        offset: None,
    };
    let of =
        |reason, of, offset| ErrorTerm { format: Some(format(env, of)), offset, ..plain(reason) };
    match error {
        Error::UnknownFormat => plain(atoms::unsupported_format()),
        Error::Unsupported(format) => of(atoms::unsupported_format(), format, None),
        Error::NotAllowed(format) => of(atoms::format_not_allowed(), format, None),
        Error::Invalid { format, offset } => of(atoms::invalid_image(), format, offset),
        Error::Truncated { format, offset } => of(atoms::truncated(), format, offset),
        Error::Limit { limit, value, maximum } => ErrorTerm {
            limit: Some(match limit {
                Limit::MaxPixels => atoms::max_pixels(),
                Limit::MaxBytesIn => atoms::max_bytes_in(),
                Limit::MaxMemory => atoms::max_memory(),
                Limit::MaxBytes => atoms::max_bytes(),
                Limit::Side => atoms::side(),
            }),
            value: Some(value),
            maximum: Some(maximum),
            ..plain(atoms::limit_exceeded())
        },
        Error::OutOfMemory => plain(atoms::enomem()),
        // Who was killed does not read it.
        Error::Stopped => plain(atoms::timeout()),
        Error::Internal => plain(atoms::internal_error()),
    }
}

pub(crate) fn info(env: Env, info: Info) -> InfoTerm {
    let (width, height) = info.upright();
    InfoTerm {
        format: format(env, info.format),
        width,
        height,
        orientation: info.orientation.to_exif(),
    }
}

pub(crate) fn details(env: Env, details: Details) -> DetailsTerm {
    let info = &details.info;
    let (width, height) = info.upright();
    let packet = |bytes: Option<&bytes::Bytes>| match bytes {
        Some(bytes) => binary(env, bytes),
        None => nil().encode(env),
    };
    DetailsTerm {
        format: format(env, info.format),
        width,
        height,
        orientation: info.orientation.to_exif(),
        frames: details.frames,
        color_space: match info.layout.model {
            ColorModel::Gray => atoms::gray(),
            ColorModel::Rgb => atoms::rgb(),
            ColorModel::Cmyk => atoms::cmyk(),
            ColorModel::Lab => atoms::lab(),
        },
        alpha: info.layout.has_alpha(),
        depth: depth(info.layout),
        exif: exif(env, &details.exif),
        icc: packet(details.icc()),
        xmp: packet(info.metadata.xmp.as_ref()),
        iptc: packet(info.metadata.iptc.as_ref()),
        profile: details.profile,
    }
}

fn depth(layout: Layout) -> (Atom, u8) {
    match layout.depth {
        Depth::U8 => (atoms::u(), 8),
        Depth::U16 => (atoms::u(), 16),
        Depth::F32 => (atoms::f(), 32),
    }
}

/// The names are strings: no atom is made of what a file says.
fn exif<'a>(env: Env<'a>, fields: &[(String, Value)]) -> Term<'a> {
    let pairs: Vec<_> =
        fields.iter().map(|(name, value)| (name.encode(env), self::value(env, value))).collect();
    Term::map_from_pairs(env, &pairs).unwrap_or_else(|_| Term::map_new(env))
}

fn value<'a>(env: Env<'a>, value: &Value) -> Term<'a> {
    match value {
        Value::Text(text) => text.encode(env),
        Value::Bytes(bytes) => binary(env, bytes),
        Value::Integer(number) => number.encode(env),
        Value::Number(number) => number.encode(env),
        Value::Unknown => nil().encode(env),
        // Of numbers or texts.
        Value::List(values) => {
            values.iter().map(|item| self::value(env, item)).collect::<Vec<_>>().encode(env)
        }
    }
}

fn binary<'a>(env: Env<'a>, bytes: &[u8]) -> Term<'a> {
    let mut binary = NewBinary::new(env, bytes.len());
    binary.copy_from_slice(bytes);
    binary.into()
}

pub(crate) fn scheduler(scheduler: Scheduler) -> Atom {
    match scheduler {
        Scheduler::Normal => atoms::normal(),
        Scheduler::Dirty => atoms::dirty(),
    }
}

pub(crate) fn profile(used: ProfileUse) -> Atom {
    match used {
        ProfileUse::None => atoms::none(),
        ProfileUse::Applied => atoms::applied(),
        ProfileUse::Kept => atoms::kept(),
        ProfileUse::Ignored => atoms::ignored(),
    }
}

pub(crate) fn plan(env: Env, plan: Plan) -> PlanTerm {
    let output = |output: &OutputPlan| OutputTerm {
        width: output.width,
        height: output.height,
        format: self::encoding(env, output.encoding),
        crop: output.crop.map(|crop| (crop.left, crop.top, crop.width, crop.height)),
        decode_scale: output.decode_scale,
    };
    PlanTerm {
        outputs: plan.outputs.iter().map(output).collect(),
        decode: plan.costs.decode,
        resample: plan.costs.resample,
        encode: plan.costs.encode,
        scheduler: scheduler(plan.scheduler),
        reason: match plan.reason {
            Reason::Asked => atoms::asked(),
            Reason::WithinYieldLimit => atoms::within_yield_limit(),
            Reason::AboveYieldLimit => atoms::above_yield_limit(),
            Reason::Shared => atoms::shared(),
        },
    }
}

pub(crate) fn encoded<'a>(env: Env<'a>, outputs: &[Encoded], stats: &StatsTerm) -> Term<'a> {
    let output = |output: &Encoded| {
        let bytes = binary(env, &output.bytes);
        (bytes, kind(env, output.encoding), output.width, output.height).encode(env)
    };
    let outputs: Vec<Term> = outputs.iter().map(output).collect();
    (atoms::ok(), outputs, stats).encode(env)
}
