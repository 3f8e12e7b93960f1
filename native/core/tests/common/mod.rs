//! What the integration tests share: ways to run a job, and pictures to run it on.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "every test binary compiles this file and uses a part of it"
)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod cut;
mod inks;

use std::io::Cursor;
use std::path::PathBuf;
use std::sync::LazyLock;

use bytes::Bytes;
pub use cut::{pieces, sizes_by_chance};
use image::{DynamicImage, ImageFormat};
#[allow(unused_imports, reason = "as above")]
pub use inks::inks;
use rayon::ThreadPool;
use thumbelina_core::{
    Effort, EncodeOptions, Encoded, Error, Format, Info, Input, Job, Limit, Limits, Output, Plan,
    Poll, Request, Step, Stop,
};

pub static POOL: LazyLock<ThreadPool> =
    LazyLock::new(|| rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap());

/// Runs a job of one output with the efforts that `choose` gives, one a step, and falls back to the
/// pool where a piece is too big.
pub fn run(
    input: Bytes,
    request: impl Into<Request>,
    mut choose: impl FnMut() -> Effort<'static>,
) -> Result<Encoded, Error> {
    let mut job = job(input, request);
    // Far more than any fixture needs: a step without progress fails here.
    for _ in 0..1_000_000 {
        match step(&mut job, choose())? {
            Step::Again => {}
            Step::TooBig => panic!("nothing is too big without a bound"),
            Step::NeedInput => panic!("all of the input is there"),
            Step::Done(made) => return Ok(only(made)),
        }
    }
    panic!("the job does not end");
}

pub fn quality(quality: u8) -> EncodeOptions {
    EncodeOptions { quality, ..EncodeOptions::default() }
}

/// A job of a whole input.
pub fn job(input: Bytes, request: impl Into<Request>) -> Job {
    Job::new(Input::whole(input), request.into())
}

/// Takes a step, on the pool if the piece is too big.
pub fn step(job: &mut Job, effort: Effort<'_>) -> Result<Step, Error> {
    match job.step(effort, &Stop::new())? {
        Step::TooBig => job.step(Effort::Unbounded(Some(&POOL)), &Stop::new()),
        step => Ok(step),
    }
}

pub fn only(made: Vec<Encoded>) -> Encoded {
    let [made] = <[Encoded; 1]>::try_from(made).unwrap();
    made
}

pub type Made = Result<Vec<Encoded>, Error>;

/// Takes a step, on this thread alone if the piece is too big.
pub fn step_here(job: &mut Job, effort: Effort<'_>) -> Result<Step, Error> {
    match job.step(effort, &Stop::new())? {
        Step::TooBig => job.step(Effort::Unbounded(None), &Stop::new()),
        step => Ok(step),
    }
}

/// What comes out of an input that comes in pieces, and how much of it was pushed until then. A
/// piece is pushed whenever the job wants one.
pub fn streamed(
    pieces: impl IntoIterator<Item = Bytes>,
    request: impl Into<Request>,
    effort: Effort<'_>,
) -> (Made, usize) {
    let mut job = Job::new(Input::new(), request.into());
    let (mut pieces, mut pushed, mut is_finished) = (pieces.into_iter(), 0, false);
    // Far more than any input here needs: a step without progress fails here.
    for _ in 0..5_000_000 {
        match step_here(&mut job, effort) {
            Ok(Step::Again) => {}
            Ok(Step::TooBig) => panic!("nothing is too big without a bound"),
            Ok(Step::NeedInput) => match pieces.next() {
                Some(piece) => {
                    pushed += piece.len();
                    job.push(piece);
                }
                None => {
                    assert!(!is_finished, "more is wanted than there is");
                    is_finished = true;
                    job.finish_input();
                }
            },
            Ok(Step::Done(made)) => return (Ok(made), pushed),
            Err(error) => return (Err(error), pushed),
        }
    }
    panic!("the job does not end");
}

/// An input cut by chance, which depends on its length alone.
pub fn as_it_comes(input: &Bytes, request: impl Into<Request>) -> Result<Encoded, Error> {
    let cuts = pieces(input, sizes_by_chance(input.len() as u64));
    streamed(cuts, request, Effort::Bounded).0.map(only)
}

pub fn in_pieces(input: &Bytes, request: impl Into<Request>) -> Result<Encoded, Error> {
    run(input.clone(), request, || Effort::Bounded)
}

pub fn unbounded(input: &Bytes, request: impl Into<Request>) -> Result<Encoded, Error> {
    run(input.clone(), request, || Effort::Unbounded(Some(&POOL)))
}

/// What the header of a whole input says.
pub fn probe(input: Bytes, limits: &Limits) -> Result<Info, Error> {
    thumbelina_core::probe(&mut Input::whole(input), limits).map(ready)
}

/// The plan for a whole input.
pub fn plan(input: Bytes, request: impl Into<Request>) -> Result<Plan, Error> {
    Plan::of(&mut Input::whole(input), &request.into()).map(ready)
}

fn ready<T>(poll: Poll<T>) -> T {
    match poll {
        Poll::Ready(value) => value,
        Poll::Working | Poll::NeedInput => panic!("all of the input is there"),
    }
}

pub const fn invalid(format: Format) -> Error {
    Error::Invalid { format, offset: None }
}

pub const fn truncated(format: Format) -> Error {
    Error::Truncated { format, offset: None }
}

pub fn fixture(name: &str) -> Bytes {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../test/fixtures").join(name);
    Bytes::from(std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

pub fn fixtures() -> Vec<(String, Bytes)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../test/fixtures");
    let mut found: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, Bytes::from(std::fs::read(path).unwrap()))
        })
        .filter(|(_, bytes)| Format::of(bytes).is_some())
        .collect();
    found.sort();
    assert!(found.len() > 50, "only {} fixtures were found", found.len());
    found
}

/// An output within a box, all else by default.
pub fn sized(width: u32, height: u32) -> Output {
    Output { width: Some(width), height: Some(height), ..Output::default() }
}

pub fn decode(encoded: &[u8]) -> DynamicImage {
    image::load_from_memory(encoded).unwrap()
}

pub fn encode(image: &DynamicImage, format: ImageFormat) -> Bytes {
    let mut out = Cursor::new(Vec::new());
    image.write_to(&mut out, format).unwrap();
    Bytes::from(out.into_inner())
}

/// Efforts for `run`: pieces, all at once and all at once on the pool, the same for the same seed.
pub fn mixture(seed: u64) -> impl FnMut() -> Effort<'static> {
    let mut state = seed | 1;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        match state % 3 {
            0 => Effort::Unbounded(Some(&POOL)),
            1 => Effort::Unbounded(None),
            _ => Effort::Bounded,
        }
    }
}

/// A file whose header may lie gives a picture or an error of its format, the same however it is
/// read.
pub fn assert_harmless(file: &Bytes, format: Format) {
    let limits = Limits { max_pixels: 1_000_000, ..Limits::default() };
    let output = Output { format: Some(Format::Png), ..sized(20, 20) };
    let request = Request { limits, ..output.into() };
    let made = in_pieces(file, request.clone());
    assert!(made == unbounded(file, request.clone()), "on the pool");
    assert!(made == as_it_comes(file, request), "as it comes");
    if let Err(error) = made {
        let is_typed = match error {
            Error::Truncated { format: of, .. }
            | Error::Invalid { format: of, .. }
            | Error::Unsupported(of) => of == format,
            Error::Limit { limit, .. } => matches!(limit, Limit::MaxPixels | Limit::MaxMemory),
            _ => false,
        };
        assert!(is_typed, "{error:?}");
    }
}

/// A picture with slopes, edges and noise, the same for the same arguments.
pub fn picture(width: u32, height: u32, seed: u32) -> image::RgbaImage {
    image::RgbaImage::from_fn(width, height, |x, y| {
        let hash = (x.wrapping_mul(0x9E37_79B1) ^ y.wrapping_mul(0x85EB_CA77) ^ seed)
            .wrapping_mul(0xC2B2_AE3D);
        let noise = (hash >> 24) as u8 / 8;
        let slope = (x * 255 / width.max(2)) as u8 / 2 + (y * 255 / height.max(2)) as u8 / 4;
        let edge = if (x / 7 + y / 5).is_multiple_of(2) { 40 } else { 0 };
        let alpha = if (x + y + seed % 11).is_multiple_of(11) { 0 } else { 255 - noise * 3 };
        image::Rgba([slope.saturating_add(noise), slope.saturating_add(edge), noise * 6, alpha])
    })
}

/// Peak signal to noise ratio in dB of two byte strings of one length.
pub fn psnr(a: &[u8], b: &[u8]) -> f64 {
    assert_eq!(a.len(), b.len());
    let squares: u64 = a.iter().zip(b).map(|(&a, &b)| u64::from(a.abs_diff(b)).pow(2)).sum();
    10.0 * (255.0 * 255.0 * a.len() as f64 / squares as f64).log10()
}
