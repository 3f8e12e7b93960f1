//! An input that comes in pieces gives what it gives when it is there at once, and is refused as
//! soon as enough of it has come; several outputs are what each of them is alone.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;
#[path = "common/counting.rs"]
mod counting;
mod maps;

use bytes::Bytes;
use common::{
    Made, POOL, decode, encode, fixture, fixtures, in_pieces, job, picture, pieces, psnr, run,
    sized, sizes_by_chance, step_here, streamed,
};
use counting::{Counting, peak_of};
use image::{DynamicImage, ImageFormat};
use maps::Random;
use proptest::prelude::*;
use thumbelina_core::{
    Effort, Encoded, Error, Filter, Fit, Format, Formats, Input, Job, Limit, Limits, OnDamage,
    Output, Request, Step,
};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// In pieces on this thread, and as long as it takes on the pool.
fn efforts() -> [Effort<'static>; 2] {
    [Effort::Bounded, Effort::Unbounded(Some(&POOL))]
}

fn whole(input: &Bytes, request: impl Into<Request>) -> Made {
    let mut job = job(input.clone(), request);
    loop {
        match step_here(&mut job, Effort::Bounded)? {
            Step::Again => {}
            Step::Done(made) => return Ok(made),
            other => panic!("{other:?} of an input that is there"),
        }
    }
}

fn assert_same(name: &str, bytes: &Bytes, request: &Request, sizes: &[usize]) {
    let expected = whole(bytes, request.clone());
    for effort in efforts() {
        for &size in sizes {
            let (made, _) = streamed(pieces(bytes, || size), request.clone(), effort);
            // Not `assert_eq!`, which would print every byte.
            assert!(
                made == expected,
                "{name}, {} bytes, {size} at a time, {effort:?}, {request:?}: {:?} instead of {:?}",
                bytes.len(),
                made.err(),
                expected.err()
            );
        }
        for seed in 0..3 {
            let (made, _) = streamed(pieces(bytes, sizes_by_chance(seed)), request.clone(), effort);
            assert!(
                made == expected,
                "{name}, {} bytes, cut by {seed}, {effort:?}, {request:?}: {:?} instead of {:?}",
                bytes.len(),
                made.err(),
                expected.err()
            );
        }
    }
}

#[test]
fn every_fixture_gives_the_same_however_it_comes() {
    for (name, bytes) in fixtures() {
        println!("{name}");
        let mut sizes = vec![7, 251, 4_093, bytes.len()];
        if bytes.len() <= 20_000 {
            sizes.push(1);
        }
        assert_same(&name, &bytes, &sized(50, 50).into(), &sizes);
        // Of which rows are left out at both ends.
        let cover = Output { fit: Fit::Cover, format: Some(Format::Png), ..sized(90, 21) };
        assert_same(&name, &bytes, &cover.into(), &[251, 4_093]);
    }
}

#[test]
fn so_does_every_fixture_that_is_cut_off() {
    for (at, (name, bytes)) in fixtures().into_iter().enumerate() {
        println!("{name}");
        let mut random = Random(at as u64);
        for _ in 0..4 {
            let cut = bytes.slice(..random.below(bytes.len() as u32) as usize);
            for on_damage in [OnDamage::Error, OnDamage::Gray] {
                let request = Request { on_damage, ..sized(50, 50).into() };
                assert_same(&name, &cut, &request, &[251, 4_093, cut.len().max(1)]);
            }
        }
    }
}

/// Of what has all come no more is wanted, in however many pieces it lies there.
#[test]
fn every_fixture_gives_the_same_where_its_pieces_came_ahead() {
    // So small that of some JPEGs the averages of blocks are enough.
    let small = sized(5, 5);
    for (name, bytes) in fixtures() {
        let expected = whole(&bytes, small.clone());
        for size in [1, 7, 52, 251, 4_093].into_iter().filter(|size| bytes.len() / size < 20_000) {
            for effort in efforts() {
                let mut job = Job::new(Input::new(), small.clone().into());
                pieces(&bytes, || size).for_each(|piece| job.push(piece));
                job.finish_input();
                let made = loop {
                    match step_here(&mut job, effort) {
                        Ok(Step::Again | Step::TooBig) => {}
                        Ok(Step::Done(made)) => break Ok(made),
                        Ok(Step::NeedInput) => panic!("{name}, {size} at a time: more is wanted"),
                        Err(error) => break Err(error),
                    }
                };
                assert!(made == expected, "{name}, {size} at a time, {effort:?}");
            }
        }
    }
}

/// Where an input ends below the last row that matters, or within it, is the same to every way of
/// taking steps: none looks further than another.
#[test]
fn what_is_cut_off_below_what_matters_is_the_same_to_every_step() {
    let large = followed(700, 500).into_iter().map(|(format, bytes)| (format.to_string(), bytes));
    for (at, (name, bytes)) in fixtures().into_iter().chain(large).enumerate() {
        let mut random = Random(at as u64);
        for filter in [Filter::Lanczos3, Filter::Nearest] {
            let format = Some(Format::Png);
            let output = Output { fit: Fit::Cover, filter, format, ..sized(60, 1) };
            for _ in 0..24 {
                let cut = bytes.slice(..random.below(bytes.len() as u32) as usize);
                let expected = in_pieces(&cut, output.clone());
                for pool in [None, Some(&*POOL)] {
                    let made = run(cut.clone(), output.clone(), || Effort::Unbounded(pool));
                    assert!(
                        made == expected,
                        "{name}, {} of {} bytes, {filter:?}, {pool:?}: {:?} instead of {:?}",
                        cut.len(),
                        bytes.len(),
                        made.err(),
                        expected.err()
                    );
                }
            }
        }
    }
}

/// What a failure prints instead of the bytes.
fn names() -> Vec<String> {
    fixtures().into_iter().map(|(name, _)| name).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// A producer need not wait until it is asked, and steps need not be alike.
    #[test]
    fn pieces_and_steps_may_take_turns_in_any_order(
        name in prop::sample::select(names()),
        end in prop::option::of(any::<prop::sample::Index>()),
        fit in prop::sample::select(vec![Fit::Contain, Fit::Cover, Fit::Fill]),
        filter in prop::sample::select(vec![Filter::Lanczos3, Filter::Nearest]),
        sides in (1u32..120, 1u32..120),
        on_damage in prop::sample::select(vec![OnDamage::Error, OnDamage::Gray]),
        seed: u64,
    ) {
        let bytes = fixture(&name);
        let bytes = end.map_or_else(|| bytes.clone(), |end| bytes.slice(..end.index(bytes.len())));
        let output = Output { fit, filter, format: Some(Format::Png), ..sized(sides.0, sides.1) };
        let request = Request { on_damage, ..output.into() };
        let expected = whole(&bytes, request.clone());
        let mut steps = Random(seed);
        let mut cuts = pieces(&bytes, sizes_by_chance(seed));
        let mut job = Job::new(Input::new(), request);
        let (mut is_starved, mut is_finished) = (true, false);
        let made = loop {
            if is_starved || steps.below(4) == 0 {
                match cuts.next() {
                    Some(piece) => job.push(piece),
                    None => {
                        prop_assert!(!(is_starved && is_finished), "{}: more is wanted", name);
                        is_finished = true;
                        job.finish_input();
                    }
                }
            }
            let effort = match steps.below(3) {
                0 => Effort::Unbounded(Some(&POOL)),
                1 => Effort::Unbounded(None),
                _ => Effort::Bounded,
            };
            match step_here(&mut job, effort) {
                Ok(Step::Again | Step::TooBig) => is_starved = false,
                Ok(Step::NeedInput) => is_starved = true,
                Ok(Step::Done(made)) => break Ok(made),
                Err(error) => break Err(error),
            }
        };
        let (ours, theirs) = (made.as_ref().err(), expected.as_ref().err());
        prop_assert!(made == expected, "{}: {:?} instead of {:?}", name, ours, theirs);
    }
}

/// A picture in each of the formats whose decoders follow their input.
fn followed(width: u32, height: u32) -> Vec<(Format, Bytes)> {
    let rgb = DynamicImage::from(DynamicImage::from(picture(width, height, 4)).to_rgb8());
    let source = encode(&rgb, ImageFormat::Pnm);
    let formats = [
        Format::Jpeg,
        Format::Png,
        Format::Gif,
        Format::Qoi,
        Format::Bmp,
        Format::Pnm,
        Format::Farbfeld,
        Format::Hdr,
        Format::Tga,
    ];
    let written = |format| {
        let output = Output { format: Some(format), ..Output::default() };
        (format, Bytes::from(in_pieces(&source, output).unwrap().bytes))
    };
    formats.map(written).to_vec()
}

/// As many bytes tell the format.
const SIGNATURE: usize = 64;

#[test]
fn what_is_too_large_is_refused_by_its_header() {
    let limits = Limits { max_pixels: 1_000, ..Limits::default() };
    let refused = Error::Limit { limit: Limit::MaxPixels, value: 120_000, maximum: 1_000 };
    for (format, bytes) in followed(400, 300) {
        assert!(bytes.len() > 30_000, "{format}: {}", bytes.len());
        for effort in efforts() {
            let request = Request { limits, ..sized(10, 10).into() };
            let (made, pushed) = streamed(pieces(&bytes, || SIGNATURE), request, effort);
            assert_eq!(made, Err(refused), "{format}");
            // These have tables before they say how large their picture is.
            let most =
                if matches!(format, Format::Gif | Format::Jpeg) { 1_024 } else { 2 * SIGNATURE };
            assert!(pushed <= most, "{format}: {pushed} of {} bytes", bytes.len());
        }
    }
}

/// Where the decoder needs all of its input, the beginning still tells the size, but for formats
/// that may have their headers anywhere.
#[test]
fn what_is_too_large_is_refused_with_the_same_error_however_it_comes() {
    for (name, bytes) in fixtures() {
        let limits = Limits { max_pixels: 500, ..Limits::default() };
        let request = Request { limits, ..sized(10, 10).into() };
        let expected = whole(&bytes, request.clone());
        for size in [1, SIGNATURE, 4_093].into_iter().filter(|size| bytes.len() / size < 20_000) {
            let (made, pushed) =
                streamed(pieces(&bytes, || size), request.clone(), Effort::Bounded);
            assert!(made == expected, "{name}, {size} at a time: {made:?} instead of {expected:?}");
            let format = Format::of(&bytes).unwrap();
            let is_early = !matches!(format, Format::Tiff | Format::Ico | Format::Tga);
            if is_early && size <= SIGNATURE && bytes.len() > 8_192 {
                assert!(pushed <= 2_048, "{name}: {pushed} of {} bytes, {made:?}", bytes.len());
            }
        }
    }
}

#[test]
fn an_output_that_is_too_large_is_refused_by_the_header_too() {
    let enlarged = Output { enlarge: true, fit: Fit::Fill, ..sized(20_000, 20_000) };
    for (format, bytes) in followed(400, 300) {
        let (made, pushed) =
            streamed(pieces(&bytes, || SIGNATURE), enlarged.clone(), Effort::Bounded);
        let refused =
            Error::Limit { limit: Limit::MaxPixels, value: 400_000_000, maximum: 1 << 28 };
        assert_eq!(made, Err(refused), "{format}");
        assert!(pushed <= 1_024, "{format}: {pushed} of {} bytes", bytes.len());
    }
}

#[test]
fn what_is_not_allowed_is_refused_by_its_signature() {
    for (name, bytes) in fixtures() {
        let format = Format::of(&bytes).unwrap();
        let limits = Limits { formats: Formats::all().without(format), ..Limits::default() };
        let request = Request { limits, ..sized(10, 10).into() };
        let (made, pushed) = streamed(pieces(&bytes, || 1), request, Effort::Bounded);
        assert_eq!(made, Err(Error::NotAllowed(format)), "{name}");
        assert_eq!(pushed, SIGNATURE.min(bytes.len()), "{name}");
    }
}

#[test]
fn what_is_no_picture_is_refused_by_its_signature() {
    let text = Bytes::from("This is no picture at all. ".repeat(5_000));
    for size in [1, 7, SIGNATURE] {
        let (made, pushed) = streamed(pieces(&text, || size), sized(10, 10), Effort::Bounded);
        assert_eq!(made, Err(Error::UnknownFormat));
        assert_eq!(pushed, SIGNATURE.next_multiple_of(size));
    }
    // A shorter one has to end first.
    let (made, pushed) = streamed(pieces(&text.slice(..20), || 1), sized(10, 10), Effort::Bounded);
    assert_eq!((made, pushed), (Err(Error::UnknownFormat), 20));
    let (made, pushed) = streamed([], sized(10, 10), Effort::Bounded);
    assert_eq!((made, pushed), (Err(Error::UnknownFormat), 0));
}

/// Whether the decoder follows its input or not.
#[test]
fn what_is_too_long_is_refused_as_soon_as_it_is() {
    let limits = Limits { max_bytes_in: 1_000, ..Limits::default() };
    for (name, bytes) in fixtures().into_iter().filter(|(_, bytes)| bytes.len() > 4_000) {
        let request = Request { limits, ..sized(10, 10).into() };
        let (made, pushed) = streamed(pieces(&bytes, || 90), request, Effort::Bounded);
        let refused = Error::Limit { limit: Limit::MaxBytesIn, value: 1_080, maximum: 1_000 };
        assert_eq!((made, pushed), (Err(refused), 1_080), "{name}");
    }
}

#[test]
fn a_large_picture_takes_little_memory_while_it_comes() {
    const MOST: u64 = 8 << 20;
    for (format, bytes) in followed(3_000, 2_000) {
        let output = Output { format: Some(Format::Png), ..sized(200, 200) };
        let expected = whole(&bytes, output.clone());
        // Each is copied, as if it came from a socket.
        let cuts = pieces(&bytes, || 16 << 10).map(|piece| Bytes::copy_from_slice(&piece));
        let ((made, pushed), peak) = peak_of(|| streamed(cuts, output, Effort::Bounded));
        println!("{format}: {peak} of {} bytes", bytes.len());
        assert!(made.is_ok() && made == expected, "{format}");
        assert!(pushed > 1_000_000, "{format}: a picture of {pushed} bytes is not large");
        assert!(peak < MOST, "{format}: {peak} bytes");
    }
}

/// Of different fits and formats, with the largest last.
fn three() -> Vec<Output> {
    vec![
        Output { format: Some(Format::Png), ..sized(50, 50) },
        Output { fit: Fit::Cover, format: Some(Format::Tiff), ..sized(100, 100) },
        Output { fit: Fit::Fill, format: Some(Format::Jpeg), ..sized(200, 200) },
    ]
}

#[test]
fn of_several_outputs_each_is_what_it_is_alone() {
    let names = [
        "photo.png",
        "photo-16bit.png",
        "photo-interlaced.png",
        "alpha.png",
        "photo.gif",
        "photo.webp",
        "alpha.webp",
        "photo.tif",
        "photo-float.tif",
        "photo.bmp",
        "photo-topdown.bmp",
        "photo-rle.tga",
        "photo.ico",
        "photo.dds",
        "photo.exr",
        "photo.hdr",
        "orientation-6.png",
    ];
    for name in names {
        let bytes = fixture(name);
        // One that picks its pixels, and one in the source's own format.
        let nearest =
            Output { filter: Filter::Nearest, format: Some(Format::Bmp), ..sized(70, 70) };
        let outputs =
            [three(), vec![nearest, Output { options: common::quality(30), ..sized(33, 20) }]]
                .concat();
        let alone: Vec<_> =
            outputs.iter().map(|output| in_pieces(&bytes, output.clone()).unwrap()).collect();
        let request = Request { outputs, ..Request::default() };
        for effort in efforts() {
            for size in [bytes.len(), 999] {
                let (made, _) = streamed(pieces(&bytes, || size), request.clone(), effort);
                assert!(made.as_ref() == Ok(&alone), "{name}, {size} at a time, {effort:?}");
            }
        }
    }
}

/// A JPEG is decoded at the scale that the largest output needs: that one is the same, the others
/// are close.
#[test]
fn of_a_jpeg_the_largest_output_is_what_it_is_alone() {
    for name in [
        "photo.jpg",
        "photo-progressive.jpg",
        "photo-restart.jpg",
        "photo-gray.jpg",
        "photo-444.jpg",
    ] {
        let bytes = fixture(name);
        let outputs = three();
        let alone: Vec<_> =
            outputs.iter().map(|output| in_pieces(&bytes, output.clone()).unwrap()).collect();
        for effort in efforts() {
            let request = Request { outputs: outputs.clone(), ..Request::default() };
            let made = streamed([bytes.clone()], request, effort).0.unwrap();
            assert!(made[2] == alone[2], "{name}");
            for (made, alone) in made.iter().zip(&alone) {
                let size = |made: &Encoded| (made.encoding, made.width, made.height);
                assert_eq!(size(made), size(alone), "{name}");
                let [a, b] = [made, alone].map(|made| decode(&made.bytes).to_rgb8());
                let db = psnr(a.as_raw(), b.as_raw());
                println!("{name} to {}x{}: {db:.1} dB", made.width, made.height);
                assert!(db >= 45.0, "{name} to {}x{}: {db:.1} dB", made.width, made.height);
            }
        }
    }
}

/// Sizes so close to one another that one scale is right for all.
#[test]
fn outputs_of_one_decode_scale_are_the_same_to_the_byte() {
    for name in ["photo.jpg", "photo-progressive.jpg", "orientation-6.jpg", "photo-gray.jpg"] {
        let bytes = fixture(name);
        let output = |side, format| Output { format: Some(format), ..sized(side, side) };
        let outputs =
            vec![output(31, Format::Png), output(32, Format::Jpeg), output(32, Format::Qoi)];
        let alone: Vec<_> =
            outputs.iter().map(|output| in_pieces(&bytes, output.clone()).unwrap()).collect();
        let request = Request { outputs, ..Request::default() };
        for effort in efforts() {
            let (made, _) = streamed(pieces(&bytes, || 999), request.clone(), effort);
            assert!(made.as_ref() == Ok(&alone), "{name}, {effort:?}");
        }
    }
}

#[test]
fn one_bad_output_is_an_error_of_all() {
    let outputs = vec![sized(10, 10), Output { format: Some(Format::Dds), ..sized(10, 10) }];
    let request = Request { outputs, ..Request::default() };
    let made = whole(&fixture("photo.png"), request);
    assert_eq!(made, Err(Error::Unsupported(Format::Dds)));
}

/// What is put together takes several steps.
#[test]
fn large_pictures_are_collected() {
    let picture = common::picture(1_500, 1_000, 1);
    for (name, file) in [
        ("tiff", common::encode(&picture.clone().into(), image::ImageFormat::Tiff)),
        ("webp", common::encode(&picture.into(), image::ImageFormat::WebP)),
    ] {
        let request: Request = Output { format: Some(Format::Png), ..sized(60, 60) }.into();
        let expected = whole(&file, request.clone());
        assert!(expected.is_ok() && file.len() > 1_500_000, "{name}: {} bytes", file.len());
        for size in [100_000, 700_000, 1_400_000] {
            let mut job = Job::new(Input::new(), request.clone());
            file.chunks(size).for_each(|piece| job.push(Bytes::copy_from_slice(piece)));
            job.finish_input();
            let made = loop {
                match step_here(&mut job, Effort::Bounded) {
                    Ok(Step::Done(made)) => break Ok(made),
                    Ok(_) => {}
                    Err(error) => break Err(error),
                }
            };
            assert!(made == expected, "{name} in pieces of {size}: {:?}", made.err());
        }
    }
}
