//! Profiles that take long: whatever one says, what is made of it is either short, or announced, so
//! that it is made where that may take its time. Processor time of the thread.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "common/profile.rs"]
mod profile;
#[path = "common/trial.rs"]
mod trial;

use std::io::Cursor;
use std::time::Duration;

use bytes::Bytes;
use thumbelina_core::{Encoded, Error, Format, Output, Request};
use tiff::encoder::{TiffEncoder, colortype};
use tiff::tags::Tag;
use trial::counting::Counting;
use trial::{Arrival, PIECE, SLOWER, Schedulers, allowed, run};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What the tables of a transform may take, on a dirty scheduler.
const TABLES: Duration = Duration::from_millis(60);

/// As many bytes as a profile may have, about.
const MOST: usize = 4_000_000;

/// A table of an `mft1` or an `mft2`, of as many points for each input as fit.
fn table(inputs: u32, bytes: usize, points: Option<u8>) -> Vec<u8> {
    let largest = |points: &u8| usize::from(*points).pow(inputs) * 3 * bytes < MOST;
    let points = points.unwrap_or_else(|| (2..=255).rev().find(largest).unwrap());
    let mut out = if bytes == 1 { b"mft1\0\0\0\0".to_vec() } else { b"mft2\0\0\0\0".to_vec() };
    out.extend([inputs as u8, 3, points, 0]);
    out.extend((0..9).flat_map(|at| if at % 4 == 0 { [0, 1, 0, 0] } else { [0; 4] }));
    let entries = if bytes == 1 { 256 } else { 4_096 };
    if bytes == 2 {
        out.extend([16, 0, 16, 0]);
    }
    let ramp = (0..entries).flat_map(|at| {
        let word = (at * 65_535 / (entries - 1)) as u16;
        word.to_be_bytes().into_iter().take(bytes)
    });
    let ramp: Vec<u8> = ramp.collect();
    out.extend(ramp.repeat(inputs as usize));
    let nodes = usize::from(points).pow(inputs) * 3 * bytes;
    out.extend((0..nodes).map(|at| (at.wrapping_mul(2_654_435_761) >> 7) as u8));
    out.extend(ramp.repeat(3));
    out
}

/// A `mAB ` with all that there can be, and curves of as many entries as there may be.
fn stages(inputs: usize) -> Vec<u8> {
    let entries = 1u32 << 15;
    let mut curve = b"curv\0\0\0\0".to_vec();
    curve.extend(entries.to_be_bytes());
    curve.extend((0..entries).flat_map(|at| ((at * 2) as u16).to_be_bytes()));
    let points = if inputs == 3 { 60 } else { 20 };
    let mut clut = vec![0; 20];
    clut[..inputs].fill(points);
    clut[16] = 2;
    let nodes = usize::from(points).pow(inputs as u32) * 3 * 2;
    clut.extend((0..nodes).map(|at| (at.wrapping_mul(2_654_435_761) >> 7) as u8));
    clut.resize(clut.len().next_multiple_of(4), 0);
    let matrix: Vec<u8> =
        (0..12).flat_map(|at| if at % 4 == 0 && at < 9 { [0, 1, 0, 0] } else { [0; 4] }).collect();
    let b = 32;
    let matrix_at = b + 3 * curve.len();
    let m = matrix_at + matrix.len();
    let clut_at = m + 3 * curve.len();
    let a = clut_at + clut.len();
    let mut out = b"mAB \0\0\0\0".to_vec();
    out.extend([inputs as u8, 3, 0, 0]);
    for at in [b, matrix_at, m, clut_at, a] {
        out.extend((at as u32).to_be_bytes());
    }
    out.extend(curve.repeat(3));
    out.extend(matrix);
    out.extend(curve.repeat(3));
    out.extend(clut);
    out.extend(curve.repeat(inputs));
    out
}

/// Curves with as many entries as there may be.
fn long_curve() -> Vec<u8> {
    let mut out = b"curv\0\0\0\0\0\0\x80\0".to_vec();
    let entry = |at: u32| ((f64::from(at) / 32_767.0).powf(1.7) * 65_535.0) as u16;
    out.extend((0..1 << 15).flat_map(|at| entry(at).to_be_bytes()));
    out
}

/// All profiles of a number of channels.
fn profiles(channels: u16) -> Vec<(&'static str, Vec<u8>)> {
    let tabled = |space, data| profile::profile(4, space, b"Lab ", &[(*b"A2B0", data)]);
    match channels {
        1 => vec![("gray", profile::gray(b"XYZ ", long_curve()))],
        3 => {
            let unused = (0..90u8).map(|tag| ([b'x', b'y', b'z', tag], vec![0; 40_000]));
            let mut many: Vec<_> = unused.collect();
            many.push((*b"A2B0", table(3, 2, Some(17))));
            vec![
                ("matrix", profile::matrix(4, profile::SRGB, &long_curve())),
                ("many tags", profile::profile(2, b"RGB ", b"Lab ", &many)),
                ("smallest table", tabled(b"RGB ", table(3, 1, Some(2)))),
                ("table of bytes", tabled(b"RGB ", table(3, 1, None))),
                ("table of words", tabled(b"RGB ", table(3, 2, None))),
                ("stages", tabled(b"RGB ", stages(3))),
            ]
        }
        _ => vec![
            ("smallest table", tabled(b"CMYK", table(4, 1, Some(2)))),
            ("table of bytes", tabled(b"CMYK", table(4, 1, None))),
            ("table of 17", tabled(b"CMYK", table(4, 2, Some(17)))),
            ("table of words", tabled(b"CMYK", table(4, 2, None))),
            ("stages", tabled(b"CMYK", stages(4))),
        ],
    }
}

fn tiff<C: colortype::ColorType<Inner: Default + Clone>>(channels: u16, profile: &[u8]) -> Bytes
where
    [C::Inner]: tiff::encoder::TiffValue,
{
    let mut out = Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new(&mut out).unwrap();
    let mut image = encoder.new_image::<C>(24, 20).unwrap();
    image.encoder().write_tag(Tag::IccProfile, profile).unwrap();
    let pixels = vec![C::Inner::default(); 24 * 20 * usize::from(channels)];
    image.write_data(&pixels).unwrap();
    out.into_inner().into()
}

fn request() -> Request {
    let output = Output { width: Some(12), format: Some(Format::Pnm), ..Output::default() };
    output.into()
}

/// What comes out, and the longest step that there was on a normal scheduler, at the least.
fn watch(input: &Bytes, schedulers: Schedulers) -> (Result<Vec<Encoded>, Error>, Duration) {
    let request = request();
    let allowed = (allowed(input, &request) + TABLES) * SLOWER;
    let mut trial = run(input, request.clone(), Arrival::Whole, schedulers);
    for _ in 0..4 {
        if trial.longest_piece <= PIECE * SLOWER && trial.total <= allowed {
            break;
        }
        // What was made for the one before is not there for the next: it has another profile.
        let again = run(input, request.clone(), Arrival::Whole, schedulers);
        trial.total = trial.total.min(again.total);
        trial.longest_piece = trial.longest_piece.min(again.longest_piece);
    }
    assert!(trial.total <= allowed, "{:?} of {allowed:?}", trial.total);
    (trial.outcome, trial.longest_piece)
}

#[test]
fn no_profile_holds_a_normal_scheduler() {
    for channels in [1, 3, 4] {
        for bits in [8, 16] {
            for (name, profile) in profiles(channels) {
                let picture = |profile: &[u8]| match (channels, bits) {
                    (1, 8) => tiff::<colortype::Gray8>(channels, profile),
                    (1, _) => tiff::<colortype::Gray16>(channels, profile),
                    (3, 8) => tiff::<colortype::RGB8>(channels, profile),
                    (3, _) => tiff::<colortype::RGB16>(channels, profile),
                    (_, 8) => tiff::<colortype::CMYK8>(channels, profile),
                    _ => tiff::<colortype::CMYK16>(channels, profile),
                };
                let input = picture(&profile);
                // The first makes what the second finds.
                for schedulers in [Schedulers::Normal, Schedulers::Mixed(0x5A), Schedulers::Normal]
                {
                    let (outcome, longest) = watch(&input, schedulers);
                    outcome.unwrap();
                    println!("{name}, {channels} of {bits} bits: {longest:?}");
                    assert!(
                        longest <= PIECE * SLOWER,
                        "{name}, {channels} of {bits} bits: {longest:?}, {schedulers:?}"
                    );
                }
                // Cut off, all of it is read, and then nothing is made of it.
                let cut = picture(&profile[..profile.len() - profile.len() / 3]);
                let (outcome, longest) = watch(&cut, Schedulers::Normal);
                outcome.unwrap();
                assert!(longest <= PIECE * SLOWER, "{name}, cut: {longest:?}");
            }
        }
    }
}
