//! Terms out.

use rustler::{Atom, Encoder, Env, NewBinary, NifMap, Term};
use thumbelina_core::{Encoded, Error, Format, Header, Limit, Plan, Reason, Road};

use crate::{atoms, encode_error};

/// An error as data: which fields are set depends on the reason.
#[derive(NifMap)]
pub(crate) struct ErrorTerm {
    reason: Atom,
    format: Option<Atom>,
    limit: Option<Atom>,
    value: Option<u64>,
    maximum: Option<u64>,
    offset: Option<u64>,
}

#[derive(NifMap)]
pub(crate) struct HeaderTerm {
    format: Atom,
    width: u32,
    height: u32,
    orientation: u8,
}

#[derive(NifMap)]
pub(crate) struct PlanTerm {
    width: u32,
    height: u32,
    format: Atom,
    decode_scale: (u32, u32),
    decode: u64,
    resample: u64,
    encode: u64,
    road: Atom,
    reason: Atom,
}

/// Durations are microseconds.
#[derive(NifMap)]
pub(crate) struct StatsTerm {
    pub(crate) roads: Vec<Atom>,
    pub(crate) slices: u64,
    pub(crate) longest_slice: u64,
    pub(crate) decode: u64,
    pub(crate) resample: u64,
    pub(crate) encode: u64,
}

pub(crate) fn format(format: Format) -> Atom {
    match format {
        Format::Jpeg => atoms::jpeg(),
        Format::Png => atoms::png(),
        Format::Gif => atoms::gif(),
        Format::Webp => atoms::webp(),
        Format::Tiff => atoms::tiff(),
        Format::Bmp => atoms::bmp(),
        Format::Ico => atoms::ico(),
        Format::Tga => atoms::tga(),
        Format::Dds => atoms::dds(),
        Format::Pnm => atoms::pnm(),
        Format::Qoi => atoms::qoi(),
        Format::Hdr => atoms::hdr(),
        Format::OpenExr => atoms::openexr(),
        Format::Farbfeld => atoms::farbfeld(),
        Format::Avif => atoms::avif(),
    }
}

pub(crate) fn result<'a>(env: Env<'a>, result: Result<impl Encoder, Error>) -> Term<'a> {
    match result {
        Ok(value) => (atoms::ok(), value).encode(env),
        Err(failed) => encode_error(env, error(failed)),
    }
}

pub(crate) fn error(error: Error) -> ErrorTerm {
    let plain =
        |reason| ErrorTerm { reason, format: None, limit: None, value: None, maximum: None, offset: None };
    match error {
        Error::UnknownFormat => plain(atoms::unsupported_format()),
        Error::Unsupported(of) => {
            ErrorTerm { format: Some(format(of)), ..plain(atoms::unsupported_format()) }
        }
        Error::NotAllowed(of) => ErrorTerm { format: Some(format(of)), ..plain(atoms::format_not_allowed()) },
        Error::Invalid(of) => ErrorTerm { format: Some(format(of)), ..plain(atoms::invalid_image()) },
        Error::Truncated(of) => ErrorTerm { format: Some(format(of)), ..plain(atoms::truncated()) },
        Error::InvalidAt { format, offset } => {
            ErrorTerm { offset: Some(offset), ..self::error(Error::Invalid(format)) }
        }
        Error::TruncatedAt { format, offset } => {
            ErrorTerm { offset: Some(offset), ..self::error(Error::Truncated(format)) }
        }
        Error::Limit { limit, value, maximum } => ErrorTerm {
            limit: Some(match limit {
                Limit::MaxPixels => atoms::max_pixels(),
                Limit::MaxBytesIn => atoms::max_bytes_in(),
                Limit::MaxMemory => atoms::max_memory(),
                Limit::DecodedBytes => atoms::decoded_bytes(),
                Limit::Side => atoms::side(),
            }),
            value: Some(value),
            maximum: Some(maximum),
            ..plain(atoms::limit_exceeded())
        },
        Error::OutOfMemory => plain(atoms::enomem()),
        // Nobody is there to read what a stopped step answers.
        Error::Internal | Error::Stopped => plain(atoms::internal_error()),
    }
}

pub(crate) fn header(header: Header) -> HeaderTerm {
    let (width, height) = header.upright();
    HeaderTerm { format: format(header.format), width, height, orientation: header.orientation.to_exif() }
}

pub(crate) fn road(road: Road) -> Atom {
    match road {
        Road::Yielding => atoms::normal(),
        Road::Dirty => atoms::dirty(),
    }
}

pub(crate) fn plan(plan: Plan) -> PlanTerm {
    PlanTerm {
        width: plan.width,
        height: plan.height,
        format: format(plan.format),
        decode_scale: plan.decode_scale,
        decode: plan.costs.decode,
        resample: plan.costs.resample,
        encode: plan.costs.encode,
        road: road(plan.road),
        reason: match plan.reason {
            Reason::Asked => atoms::asked(),
            Reason::WithinYieldLimit => atoms::within_yield_limit(),
            Reason::AboveYieldLimit => atoms::above_yield_limit(),
            Reason::Shared => atoms::shared(),
        },
    }
}

pub(crate) fn encoded<'a>(env: Env<'a>, encoded: &Encoded, stats: &StatsTerm) -> Term<'a> {
    let mut bytes = NewBinary::new(env, encoded.bytes.len());
    bytes.copy_from_slice(&encoded.bytes);
    let bytes: Term = bytes.into();
    let picture = (bytes, format(encoded.format), encoded.width, encoded.height);
    (atoms::ok(), picture, stats).encode(env)
}
