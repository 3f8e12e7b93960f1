//! OpenEXR: the same pixels as the reference's, and nothing that a file can do.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;
#[path = "common/counting.rs"]
mod counting;

use std::io::Cursor;
use std::panic::AssertUnwindSafe;
use std::result::Result;
use std::time::{Duration, Instant};

use bytes::Bytes;
use common::{in_pieces, invalid, job, mixture, probe, run, sized, truncated, unbounded};
use counting::{Counting, peak_of};
use exr::prelude::*;
use image::{DynamicImage, ImageFormat};
use proptest::prelude::*;
use thumbelina_core::{
    Effort, Error, Format, Limit, Limits, Output, Request, Step, Stop, is_probe_short,
};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A file as the reference writes it.
#[derive(Debug, Clone)]
struct Spec {
    size: (usize, usize),
    /// Where the data window is.
    at: (i32, i32),
    /// The display window: where, and how large.
    display: Option<((i32, i32), (usize, usize))>,
    compression: Compression,
    blocks: Blocks,
    order: LineOrder,
    /// Names and kinds of the channels.
    channels: Vec<(&'static str, SampleType)>,
    seed: u32,
}

const LOSSLESS: [Compression; 6] = [
    Compression::Uncompressed,
    Compression::RLE,
    Compression::ZIP1,
    Compression::ZIP16,
    Compression::PIZ,
    Compression::PXR24,
];

const LOSSY: [Compression; 4] =
    [Compression::B44, Compression::B44A, Compression::DWAA(None), Compression::DWAB(None)];

fn all() -> impl Iterator<Item = Compression> {
    LOSSLESS.into_iter().chain(LOSSY)
}

impl Spec {
    fn new(compression: Compression, size: (usize, usize)) -> Self {
        Spec {
            size,
            at: (0, 0),
            display: None,
            compression,
            blocks: Blocks::ScanLines,
            order: LineOrder::Increasing,
            channels: ["R", "G", "B"].map(|name| (name, SampleType::F16)).to_vec(),
            seed: 1,
        }
    }

    /// Slopes, edges, noise, and here and there something that is no color.
    fn value(&self, channel: usize, index: usize) -> f32 {
        let (x, y) = (index % self.size.0, index / self.size.0);
        let hash = (x as u32).wrapping_mul(0x9E37_79B1)
            ^ (y as u32).wrapping_mul(0x85EB_CA77)
            ^ (self.seed + channel as u32).wrapping_mul(0xC2B2_AE3D);
        let hash = hash.wrapping_mul(0x27D4_EB2F) ^ (hash >> 15);
        match hash >> 24 {
            0 => -1.5,
            1 => 70_000.0,
            2 => 1e-6,
            3 => hash as f32 / 1e9,
            _ => {
                x as f32 / 50.0
                    + if (x / 9 + y / 7) % 2 == 0 { 0.5 } else { 0.0 }
                    + (hash & 3) as f32 / 64.0
            }
        }
    }

    fn layer(&self) -> Layer<AnyChannels<FlatSamples>> {
        let samples = |channel: usize, kind: SampleType| {
            let values = (0..self.size.0 * self.size.1).map(|index| self.value(channel, index));
            match kind {
                SampleType::F16 => FlatSamples::F16(values.map(f16::from_f32).collect()),
                SampleType::F32 => FlatSamples::F32(values.collect()),
                SampleType::U32 => {
                    FlatSamples::U32(values.map(|value| (value * 1e4) as u32).collect())
                }
            }
        };
        let channels = self.channels.iter().enumerate();
        let channels = channels.map(|(at, &(name, kind))| AnyChannel::new(name, samples(at, kind)));
        Layer::new(
            self.size,
            LayerAttributes::named("pixels").with_position(Vec2(self.at.0, self.at.1)),
            Encoding { compression: self.compression, blocks: self.blocks, line_order: self.order },
            AnyChannels::sort(channels.collect()),
        )
    }

    fn attributes(&self) -> ImageAttributes {
        let (at, size) = self.display.unwrap_or((self.at, self.size));
        ImageAttributes::new(IntegerBounds::new(at, size))
    }

    fn write(&self) -> Bytes {
        let mut file = Cursor::new(Vec::new());
        let image = Image::new(self.attributes(), self.layer());
        image.write().non_parallel().to_buffered(&mut file).unwrap();
        Bytes::from(file.into_inner())
    }
}

/// The picture as it is, in a format that loses nothing.
fn ours(file: &Bytes) -> Result<DynamicImage, Error> {
    let request = Output { format: Some(Format::Openexr), ..Output::default() };
    let made = run(file.clone(), request, || Effort::Unbounded(None))?;
    Ok(image::load_from_memory(&made.bytes).unwrap())
}

fn assert_as_reference(file: &Bytes, what: impl std::fmt::Debug) {
    let expected = image::load_from_memory_with_format(file, ImageFormat::OpenExr)
        .unwrap_or_else(|error| panic!("{what:?}: {error}"));
    let found = ours(file).unwrap_or_else(|error| panic!("{what:?}: {error}"));
    assert_eq!((found.width(), found.height()), (expected.width(), expected.height()), "{what:?}");
    assert_eq!(found.color(), expected.color(), "{what:?}");
    let floats = |image: &DynamicImage| -> Vec<f32> {
        match image {
            DynamicImage::ImageRgb32F(pixels) => pixels.as_raw().clone(),
            DynamicImage::ImageRgba32F(pixels) => pixels.as_raw().clone(),
            _ => panic!("{what:?}: {:?}", image.color()),
        }
    };
    // The way of a picture knows no infinities, and nothing brighter than this.
    let bounded = |sample: f32| if sample.is_nan() { 0.0 } else { sample.clamp(-1e6, 1e6) };
    let (found, expected) =
        (floats(&found), floats(&expected).into_iter().map(bounded).collect::<Vec<_>>());
    let differs = found.iter().zip(&expected).position(|(a, b)| a != b);
    assert_eq!(differs, None, "{what:?}");
    assert!(
        expected.iter().any(|&sample| sample != 0.0) || expected.len() < 50,
        "{what:?}: all is black"
    );
}

#[test]
fn every_compression_gives_the_pixels_of_the_reference() {
    let mut count = 0;
    for compression in all() {
        for kind in [SampleType::F16, SampleType::F32, SampleType::U32] {
            if kind == SampleType::U32
                && matches!(compression, Compression::DWAA(_) | Compression::DWAB(_))
            {
                continue;
            }
            for blocks in
                [Blocks::ScanLines, Blocks::Tiles(Vec2(16, 8)), Blocks::Tiles(Vec2(64, 64))]
            {
                count += 1;
                for (turn, size) in
                    [(1, 1), (7, 5), (64, 3), (3, 70), (45, 33), (37, 270)].into_iter().enumerate()
                {
                    let mut spec = Spec { blocks, ..Spec::new(compression, size) };
                    spec.channels.iter_mut().for_each(|channel| channel.1 = kind);
                    // Every second time, so that each size has both.
                    if (count + turn) % 2 == 0 {
                        spec.channels.push(("A", SampleType::F16));
                    }
                    assert_as_reference(&spec.write(), &spec);
                }
            }
        }
    }
}

#[test]
fn channels_of_different_kinds_and_others_in_between_are_told_apart() {
    use SampleType::{F16, F32, U32};
    for compression in all().filter(|of| !matches!(of, Compression::DWAA(_) | Compression::DWAB(_)))
    {
        let channels = vec![
            ("Z", F32),
            ("A", F32),
            ("R", F16),
            ("id", U32),
            ("G", U32),
            ("B", F32),
            ("Apple", F16),
        ];
        let spec = Spec { channels, ..Spec::new(compression, (41, 37)) };
        assert_as_reference(&spec.write(), &spec);
    }
    for compression in [Compression::DWAA(None), Compression::DWAB(None)] {
        let channels = vec![
            ("Z", F32),
            ("A", F32),
            ("R", F16),
            ("G", F32),
            ("B", F16),
            ("left.R", F16),
            ("id", U32),
        ];
        let spec = Spec { channels, ..Spec::new(compression, (41, 37)) };
        assert_as_reference(&spec.write(), &spec);
    }
}

#[test]
fn noise_needs_long_codes_and_wide_wavelets() {
    for kind in [SampleType::F32, SampleType::F16] {
        for blocks in [Blocks::Tiles(Vec2(300, 300)), Blocks::ScanLines] {
            let mut spec = Spec { blocks, ..Spec::new(Compression::PIZ, (211, 187)) };
            spec.channels.iter_mut().for_each(|channel| channel.1 = kind);
            let Image { attributes, layer_data: mut layer } =
                Image::new(spec.attributes(), spec.layer());
            for (channel, samples) in layer.channel_data.list.iter_mut().enumerate() {
                let mut state = 77 + channel as u32;
                let mut next = || {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    state.rotate_left(11) & 0x7f7f_7bff
                };
                match &mut samples.sample_data {
                    // Mostly one value, so that the others get codes of many bits.
                    FlatSamples::F16(halves) => halves.iter_mut().for_each(|half| {
                        *half = f16::from_bits(if next() % 50 == 0 { next() as u16 } else { 5 });
                    }),
                    FlatSamples::F32(floats) => {
                        floats.iter_mut().for_each(|float| *float = f32::from_bits(next()));
                    }
                    FlatSamples::U32(_) => panic!("none was asked for"),
                }
            }
            let mut file = Cursor::new(Vec::new());
            Image::new(attributes, layer).write().non_parallel().to_buffered(&mut file).unwrap();
            assert_as_reference(&Bytes::from(file.into_inner()), &spec);
        }
    }
}

#[test]
fn windows_lie_anywhere() {
    let windows = [
        // Inside, around, at each corner, and beside.
        ((0, 0), (60, 50)),
        ((12, 9), (5, 6)),
        ((-10, -20), (100, 100)),
        ((30, 25), (60, 50)),
        ((-30, 20), (50, 40)),
        ((-20, -20), (35, 40)),
        ((20, -20), (35, 40)),
        ((500, 3), (20, 20)),
        ((3, -500), (20, 20)),
        ((-1_000_000, 0), (7, 7)),
    ];
    // Where the data begins, and whether there is alpha, takes turns: each window has all of them.
    let places = [(0, 0), (-7, 3), (5, -40)];
    let mut count = 0;
    for compression in all() {
        for blocks in [Blocks::ScanLines, Blocks::Tiles(Vec2(8, 8)), Blocks::Tiles(Vec2(17, 50))] {
            count += 1;
            for (turn, display) in windows.into_iter().enumerate() {
                let at = places[(count / 3 + turn) % 3];
                let mut spec = Spec { at, blocks, ..Spec::new(compression, (45, 36)) };
                spec.display = Some(((display.0.0 + at.0, display.0.1 + at.1), display.1));
                if count % 2 == 0 {
                    spec.channels.push(("A", SampleType::F32));
                }
                let file = spec.write();
                if display.0.0.abs() >= 500 || display.0.1.abs() >= 500 {
                    let blank = ours(&file).unwrap();
                    assert!(blank.as_bytes().iter().all(|&byte| byte == 0), "{spec:?}");
                } else {
                    assert_as_reference(&file, &spec);
                }
            }
        }
    }
}

#[test]
fn chunks_may_come_in_any_order() {
    for compression in [Compression::ZIP16, Compression::PIZ] {
        for order in [LineOrder::Decreasing, LineOrder::Increasing] {
            for blocks in [Blocks::ScanLines, Blocks::Tiles(Vec2(20, 20))] {
                let spec = Spec { order, blocks, ..Spec::new(compression, (61, 77)) };
                assert_as_reference(&spec.write(), &spec);
            }
        }
    }
}

#[test]
fn of_levels_the_largest_is_shown() {
    use exr::math::RoundingMode;
    for (rounding_mode, is_rip) in [
        (RoundingMode::Up, false),
        (RoundingMode::Down, false),
        (RoundingMode::Up, true),
        (RoundingMode::Down, true),
    ] {
        let size = Vec2(53, 38);
        let level = |channel: usize, size: Vec2<usize>| {
            let spec = Spec { seed: 9, ..Spec::new(Compression::ZIP16, (size.0, size.1)) };
            FlatSamples::F32((0..size.area()).map(|index| spec.value(channel, index)).collect())
        };
        let channel = |at: usize, name: &str| {
            let levels = if is_rip {
                let map_data: Vec<_> = exr::meta::rip_map_levels(rounding_mode, size)
                    .map(|(_, size)| level(at, size))
                    .collect();
                let count = |side| exr::meta::compute_level_count(rounding_mode, side);
                let level_count = Vec2(count(size.0), count(size.1));
                Levels::Rip { rounding_mode, level_data: RipMaps { map_data, level_count } }
            } else {
                let level_data = exr::meta::mip_map_levels(rounding_mode, size)
                    .map(|(_, size)| level(at, size))
                    .collect();
                Levels::Mip { rounding_mode, level_data }
            };
            AnyChannel::new(name, levels)
        };
        let channels = ["B", "G", "R"].into_iter().enumerate().map(|(at, name)| channel(at, name));
        let blocks = Blocks::Tiles(Vec2(16, 16));
        let encoding =
            Encoding { compression: Compression::ZIP16, blocks, line_order: LineOrder::Increasing };
        let layer = Layer::new(
            size,
            LayerAttributes::named("x"),
            encoding,
            AnyChannels::sort(channels.collect()),
        );
        // As the only part, and after one that is not shown, whose levels have chunks too.
        let mut hidden = layer.clone();
        hidden.attributes.layer_name = Some("hidden".into());
        for channel in &mut hidden.channel_data.list {
            channel.name = format!("x{}", channel.name).as_str().into();
        }
        for layers in [vec![layer.clone()], vec![hidden, layer]] {
            let image = Image::from_layers(ImageAttributes::with_size(size), layers);
            let mut file = Cursor::new(Vec::new());
            image.write().non_parallel().to_buffered(&mut file).unwrap();
            assert_as_reference(&Bytes::from(file.into_inner()), (rounding_mode, is_rip));
        }
    }
}

#[test]
fn of_parts_the_first_with_colors_is_shown() {
    for compression in all() {
        let spec = Spec::new(compression, (40, 50));
        let depth = Spec { channels: vec![("Z", SampleType::F32)], seed: 5, ..spec.clone() };
        let other =
            Spec { seed: 6, size: (30, 20), blocks: Blocks::Tiles(Vec2(9, 9)), ..spec.clone() };
        let mut layers = [&depth, &spec, &other].map(Spec::layer).to_vec();
        for (number, layer) in layers.iter_mut().enumerate() {
            layer.attributes.layer_name = Some(format!("part {number}").as_str().into());
        }
        let image = Image::from_layers(spec.attributes(), layers);
        let mut file = Cursor::new(Vec::new());
        image.write().non_parallel().to_buffered(&mut file).unwrap();
        assert_as_reference(&Bytes::from(file.into_inner()), &spec);
    }
}

/// The samples of a picture that [`ours`] made, a pixel at a time.
fn samples(file: &Bytes, channels: &[usize]) -> Vec<Vec<f32>> {
    let made = ours(file).unwrap().into_rgba32f();
    made.pixels().map(|pixel| channels.iter().map(|&at| pixel.0[at]).collect()).collect()
}

#[test]
fn luminance_is_gray() {
    for compression in LOSSLESS {
        for with_alpha in [false, true] {
            let mut spec = Spec::new(compression, (21, 34));
            spec.channels = vec![("Y", SampleType::F16), ("right.Y", SampleType::F32)];
            // The same values as colors.
            let mut colors = spec.clone();
            colors.channels = ["R", "G", "B"].map(|name| (name, SampleType::F16)).to_vec();
            if with_alpha {
                spec.channels.insert(1, ("A", SampleType::F16));
                colors.channels.insert(1, ("A", SampleType::F16));
            }
            let gray = samples(&spec.write(), &[0, 1, 2, 3]);
            let red = samples(&colors.write(), &[0, 0, 0, 3]);
            // Colors are divided by their alpha and multiplied with it again.
            let is_near = |a: &[f32], b: &[f32]| {
                a.iter().zip(b).all(|(a, b)| (a - b).abs() <= 1e-6 * a.abs())
            };
            let seen = gray.iter().zip(&red).filter(|(_, red)| red[3] > 0.0 && red[3] <= 1.0);
            let differs = seen.clone().find(|(gray, red)| !is_near(gray, red));
            assert_eq!(differs, None, "{compression:?}, alpha {with_alpha}");
            assert!(seen.count() > 300, "{compression:?}, alpha {with_alpha}");
        }
    }
}

#[test]
fn colors_that_are_not_there_are_0() {
    let of = |names: &[&'static str]| {
        let mut spec = Spec::new(Compression::PIZ, (21, 34));
        spec.channels = names.iter().map(|&name| (name, SampleType::F16)).collect();
        samples(&spec.write(), &[0, 1, 2, 3])
    };
    let all = of(&["R", "G", "B"]);
    let [red, two] = [&["R"][..], &["R", "G"]].map(of);
    for ((all, red), two) in all.iter().zip(red).zip(two) {
        assert_eq!(red, [all[0], 0.0, 0.0, 1.0]);
        assert_eq!(two, [all[0], all[1], 0.0, 1.0]);
    }
}

#[test]
fn of_layers_the_first_with_colors_is_shown() {
    let of = |names: &[&'static str]| {
        let mut spec = Spec::new(Compression::ZIP16, (21, 34));
        spec.channels = names.iter().map(|&name| (name, SampleType::F16)).collect();
        samples(&spec.write(), &[0, 1, 2, 3])
    };
    // Values are those of the place in this list, and the file has the channels by their names.
    let layer = of(&["b.R", "b.G", "b.B", "b.A", "a.R", "a.G", "b.Z", "c.R", "c.G", "c.B", "Z"]);
    assert!(layer == of(&["R", "G", "B", "A"]));
    let plain = of(&["R", "G", "B", "a.R", "a.G", "a.B"]);
    assert!(plain == of(&["R", "G", "B"]));
}

#[test]
fn a_part_with_all_colors_goes_before_others() {
    let spec = Spec::new(Compression::ZIP16, (40, 50));
    let of = |names: &[&'static str], seed| Spec {
        channels: names.iter().map(|&name| (name, SampleType::F16)).collect(),
        seed,
        ..spec.clone()
    };
    let parts = [of(&["G"], 2), of(&["x.R", "x.G", "x.B"], 3), of(&["Y"], 4), spec.clone()];
    let mut layers = parts.each_ref().map(Spec::layer).to_vec();
    for (number, layer) in layers.iter_mut().enumerate() {
        layer.attributes.layer_name = Some(format!("part {number}").as_str().into());
    }
    for shown in (0..parts.len()).rev() {
        let image = Image::from_layers(spec.attributes(), layers.clone());
        let mut file = Cursor::new(Vec::new());
        image.write().non_parallel().to_buffered(&mut file).unwrap();
        let file = Bytes::from(file.into_inner());
        assert!(ours(&file).unwrap() == ours(&parts[shown].write()).unwrap(), "part {shown}");
        layers.pop();
    }
}

#[test]
fn without_colors_there_is_nothing_to_show() {
    for name in ["Z", "A", "id", "x.Y", "x.R"] {
        let channels = vec![(name, SampleType::F16)];
        let spec = Spec { channels, ..Spec::new(Compression::PIZ, (4, 4)) };
        let refused = Some(Error::Unsupported(Format::Openexr));
        assert_eq!(ours(&spec.write()).err(), refused, "{name}");
    }
}

/// A file as this test writes it: all fields as they are given, true or not.
#[derive(Clone)]
struct Raw {
    flags: u32,
    attributes: Vec<(&'static str, &'static str, Vec<u8>)>,
    /// Of each chunk, its coordinates, and the length and the bytes of its pixels.
    chunks: Vec<(Vec<i32>, i32, Vec<u8>)>,
    /// What is added to the first entry of the table.
    shift: u64,
}

impl Raw {
    /// One chunk of black pixels, 8 by 8, of two bytes each in three channels.
    fn new(compression: u8, is_tiled: bool) -> Self {
        let mut channels = Vec::new();
        for name in ["B", "G", "R"] {
            channels.extend_from_slice(&[
                name.as_bytes()[0],
                0,
                1,
                0,
                0,
                0,
                0,
                0,
                0,
                0,
                1,
                0,
                0,
                0,
                1,
                0,
                0,
                0,
            ]);
        }
        channels.push(0);
        let window: Vec<u8> = [0i32, 0, 7, 7].iter().flat_map(|at| at.to_le_bytes()).collect();
        let mut attributes = vec![
            ("channels", "chlist", channels),
            ("compression", "compression", vec![compression]),
            ("dataWindow", "box2i", window.clone()),
            ("displayWindow", "box2i", window),
            ("lineOrder", "lineOrder", vec![0]),
            ("pixelAspectRatio", "float", 1f32.to_le_bytes().to_vec()),
        ];
        if is_tiled {
            attributes.push(("tiles", "tiledesc", vec![8, 0, 0, 0, 8, 0, 0, 0, 0]));
        }
        let lines = if is_tiled || compression > 2 { 8 } else { 1 };
        let place = |line: i32| if is_tiled { vec![0, 0, 0, 0] } else { vec![line] };
        let bytes = vec![0; lines * 48];
        let chunks = (0..8 / lines as i32)
            .map(|line| (place(line), bytes.len() as i32, bytes.clone()))
            .collect();
        Raw { flags: 2 | if is_tiled { 1 << 9 } else { 0 }, attributes, chunks, shift: 0 }
    }

    fn write(&self) -> Vec<u8> {
        let mut file = vec![0x76, 0x2f, 0x31, 0x01];
        file.extend_from_slice(&self.flags.to_le_bytes());
        for (name, kind, value) in &self.attributes {
            for text in [name, kind] {
                file.extend_from_slice(text.as_bytes());
                file.push(0);
            }
            file.extend_from_slice(&(value.len() as i32).to_le_bytes());
            file.extend_from_slice(value);
        }
        file.push(0);
        let mut at = file.len() as u64 + self.chunks.len() as u64 * 8;
        for (number, (place, _, bytes)) in self.chunks.iter().enumerate() {
            let shift = if number == 0 { self.shift } else { 0 };
            file.extend_from_slice(&at.wrapping_add(shift).to_le_bytes());
            at += place.len() as u64 * 4 + 4 + bytes.len() as u64;
        }
        for (place, len, bytes) in &self.chunks {
            place
                .iter()
                .chain([len])
                .for_each(|field| file.extend_from_slice(&field.to_le_bytes()));
            file.extend_from_slice(bytes);
        }
        file
    }
}

/// Stands for a panic, among the errors of OpenEXR.
const PANIC: Error = invalid(Format::Png);

/// Makes a thumbnail on this thread, and holds it to the bounds of memory and time.
fn survives(file: Vec<u8>, what: impl std::fmt::Debug) -> Result<(), Error> {
    // Of which a row of the widest display and its sums may take 64 MiB, whatever the format.
    const MOST: u64 = 96 << 20;
    let file = Bytes::from(file);
    // The time grows with the pixels of the display, for which no chunk has to be there.
    let limits = Limits { max_pixels: 1 << 22, ..Limits::default() };
    let request = Request { limits, ..sized(20, 20).into() };
    let began = Instant::now();
    let (made, peak) = peak_of(|| {
        let mut job = job(file, request);
        loop {
            match std::panic::catch_unwind(AssertUnwindSafe(|| {
                job.step(Effort::Unbounded(None), &Stop::new())
            })) {
                Ok(Ok(Step::Done(_))) => return Ok(()),
                Ok(Ok(_)) => {}
                Ok(Err(error)) => return Err(error),
                // The library of the lossy compressions may, which a caller catches.
                Err(_) => return Err(PANIC),
            }
        }
    });
    assert!(peak < MOST, "{what:?}: {peak} bytes");
    assert!(began.elapsed() < Duration::from_secs(5), "{what:?}: {:?}", began.elapsed());
    assert_ne!(made, Err(Error::Internal), "{what:?}");
    assert_ne!(made, Err(Error::OutOfMemory), "{what:?}");
    made
}

const LIES: [i64; 19] = [
    0,
    1,
    2,
    7,
    8,
    9,
    48,
    0xff,
    0xffff,
    100_000,
    1 << 20,
    1 << 24,
    (1 << 30) - 2,
    1 << 30,
    0x7fff_fffe,
    0x7fff_ffff,
    -0x8000_0000,
    -1,
    -2,
];

#[test]
fn no_field_of_a_header_makes_it_allocate_or_run_on() {
    for compression in 0..12 {
        for is_tiled in [false, true] {
            let honest = Raw::new(compression, is_tiled);
            let made = survives(honest.write(), (compression, is_tiled));
            assert_eq!(made.is_ok(), compression < 10, "{compression} {is_tiled}");
            // Each four bytes of each attribute, which meets every field.
            for (number, (name, _, value)) in honest.attributes.iter().enumerate() {
                for at in 0..value.len() {
                    // A third of them each time, which others make up for.
                    for lie in LIES.into_iter().skip((at + usize::from(compression)) % 3).step_by(3)
                    {
                        let mut file = honest.clone();
                        let bytes = (lie as i32).to_le_bytes();
                        let value = &mut file.attributes[number].2;
                        value.iter_mut().skip(at).zip(bytes).for_each(|(byte, lie)| *byte = lie);
                        let _ = survives(file.write(), (compression, is_tiled, name, at, lie));
                    }
                }
            }
        }
    }
}

#[test]
fn no_chunk_is_believed_its_place_or_its_length() {
    for compression in 0..10 {
        for is_tiled in [false, true] {
            let honest = Raw::new(compression, is_tiled);
            for lie in LIES {
                let what = (compression, is_tiled, lie);
                let mut length = honest.clone();
                length.chunks[0].1 = lie as i32;
                // Zeros are blocks of B44, and a chunk of DWA that is empty is black.
                let zeros_are_fine = compression >= 6;
                let right = honest.chunks[0].1;
                let made = survives(length.write(), what);
                assert!(zeros_are_fine || made.is_ok() == (lie == right.into()), "{what:?}");
                for field in 0..honest.chunks[0].0.len() {
                    let mut place = honest.clone();
                    place.chunks[0].0[field] = lie as i32;
                    let made = survives(place.write(), what);
                    assert_eq!(made.is_ok(), lie == 0, "{what:?}");
                }
                let mut table = honest.clone();
                table.shift = (lie as u64) << if lie > 1000 { 30 } else { 0 };
                let made = survives(table.write(), what);
                assert!(zeros_are_fine || made.is_ok() == (lie == 0), "{what:?}");
            }
        }
    }
}

#[test]
fn what_a_small_file_claims_is_refused_with_its_reason() {
    let window = |width: i32, height: i32| -> Vec<u8> {
        [0, 0, width - 1, height - 1].iter().flat_map(|at: &i32| at.to_le_bytes()).collect()
    };
    for compression in 0..10 {
        let mut wide = Raw::new(compression, false);
        wide.attributes[2].2 = window(1 << 29, 1);
        wide.chunks.truncate(1);
        let error = survives(wide.write(), compression).err();
        assert!(
            matches!(error, Some(Error::Limit { limit: Limit::MaxMemory, .. })),
            "{compression}: {error:?}"
        );
        let mut high = Raw::new(compression, false);
        high.attributes[2].2 = window(8, 1 << 29);
        assert_eq!(survives(high.write(), compression), Err(truncated(Format::Openexr)));
        // A gigabyte of pixels beside a display of a few.
        let mut tile = Raw::new(compression, true);
        tile.attributes[2].2 = window(16_384, 16_384);
        tile.attributes[6].2 = vec![0, 64, 0, 0, 0, 64, 0, 0, 0];
        let error = survives(tile.write(), compression).err();
        assert!(
            matches!(error, Some(Error::Limit { limit: Limit::MaxMemory, .. })),
            "{compression}: {error:?}"
        );
    }
}

#[test]
fn much_work_for_few_bytes_is_refused() {
    // Chunks of 32 million pixels beside the display, all of them as long as their fixed costs.
    let mut raw = Raw::new(3, false);
    let window: Vec<u8> = [0i32, 0, 99_999, 1_599].iter().flat_map(|at| at.to_le_bytes()).collect();
    let shown: Vec<u8> = [0i32, 0, 0, 1_599].iter().flat_map(|at| at.to_le_bytes()).collect();
    (raw.attributes[2].2, raw.attributes[3].2) = (window, shown);
    raw.chunks = (0..100).map(|chunk| (vec![chunk * 16], 2, vec![0, 0])).collect();
    let error = survives(raw.write(), "wide").err();
    assert!(matches!(error, Some(Error::Limit { limit: Limit::MaxBytesIn, .. })), "{error:?}");
}

#[test]
fn a_file_that_ends_anywhere_is_truncated() {
    for compression in all() {
        for blocks in [Blocks::ScanLines, Blocks::Tiles(Vec2(8, 8))] {
            let file = Spec { blocks, ..Spec::new(compression, (13, 35)) }.write();
            for len in 8..file.len() {
                let made = survives(file[..len].to_vec(), (compression, len));
                assert_eq!(
                    made,
                    Err(truncated(Format::Openexr)),
                    "{compression:?} {blocks:?} {len}"
                );
            }
        }
    }
}

#[test]
fn a_long_header_does_not_hold_a_scheduler() {
    let mut raw = Raw::new(3, false);
    assert!(is_probe_short(&raw.write()));
    raw.attributes.push(("comments", "string", vec![b'x'; 1 << 20]));
    assert!(is_probe_short(&raw.write()), "one attribute is passed over, however long");
    raw.attributes.extend((0..40_000).map(|_| ("x", "y", Vec::new())));
    assert!(!is_probe_short(&raw.write()));
    assert_eq!(
        probe(Bytes::from(raw.write()), &Limits::default())
            .map(|header| (header.width, header.height)),
        Ok((8, 8))
    );
    raw.attributes.extend((0..40_000).map(|_| ("x", "y", Vec::new())));
    assert_eq!(
        probe(Bytes::from(raw.write()), &Limits::default()).err(),
        Some(Error::Unsupported(Format::Openexr))
    );
}

#[test]
fn deep_pixels_are_not_supported() {
    for kind in ["deepscanline", "deeptile", "something"] {
        let mut raw = Raw::new(2, false);
        raw.attributes.push(("type", "string", kind.as_bytes().to_vec()));
        assert_eq!(survives(raw.write(), kind), Err(Error::Unsupported(Format::Openexr)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn steps_of_any_size_give_the_same(
        compression in proptest::sample::select(all().collect::<Vec<_>>()),
        size in (1usize..70, 1usize..300),
        tile in proptest::option::of((1usize..40, 1usize..40)),
        display in ((-40i32..40, -40i32..40), (1usize..90, 1usize..200)),
        seed: u32,
    ) {
        let blocks = tile.map_or(Blocks::ScanLines, |tile| Blocks::Tiles(Vec2(tile.0, tile.1)));
        let spec = Spec { blocks, display: Some(display), seed, ..Spec::new(compression, size) };
        let file = spec.write();
        let as_is = Output { format: Some(Format::Openexr), ..Output::default() };
        for request in [sized(9, 9), as_is] {
            let whole = unbounded(&file, request.clone());
            prop_assert!(whole == in_pieces(&file, request.clone()), "in pieces");
            let mixed = run(file.clone(), request, mixture(seed.into()));
            prop_assert!(whole == mixed, "in a mixture");
        }
    }

    #[test]
    fn no_damage_to_the_pixels_makes_it_allocate_or_run_on(
        compression in proptest::sample::select(all().collect::<Vec<_>>()),
        is_tiled: bool,
        damage in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let blocks = if is_tiled { Blocks::Tiles(Vec2(16, 16)) } else { Blocks::ScanLines };
        let mut file = Spec { blocks, ..Spec::new(compression, (30, 40)) }.write().to_vec();
        for (at, byte) in &damage {
            let len = file.len();
            file[400..][at.index(len - 400)] = *byte;
        }
        let made = survives(file, (compression, damage));
        prop_assert!(made != Err(PANIC) || LOSSY.contains(&compression), "a panic");
    }
}
