//! Thumbelina's JPEG decoder beside libjpeg-turbo, file by file and scale by scale:
//!
//!     cargo run --release --manifest-path bench/turbojpeg/Cargo.toml -- [--rounds N] FILE...
//!
//! Both decode to packed RGB, or to gray what is gray, into a buffer that is there already;
//! libjpeg-turbo with its accurate transform and its smooth enlarging, which are its defaults. They
//! take turns, so that whatever else the machine does hits both. Milliseconds, medians.

use std::error::Error;
use std::hint::black_box;
use std::time::Instant;

use bytes::Bytes;
use rayon::{ThreadPool, ThreadPoolBuilder};
use thumbelina_codec::{Budget, Context, Input, Poll, Stop};
use thumbelina_jpeg::{Color, Decoder, Headers, Options, Scale};
use turbojpeg::{Decompressor, Image, PixelFormat, ScalingFactor};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let mut rounds = 31;
    let mut files = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        if argument == "--rounds" {
            rounds = arguments.next().ok_or("--rounds of what?")?.parse::<usize>()?.max(1);
        } else {
            files.push(argument);
        }
    }
    if files.is_empty() {
        return Err("usage: thumbelina-bench-turbojpeg [--rounds N] FILE...".into());
    }
    let pool = ThreadPoolBuilder::new().num_threads(2).build()?;
    for file in files {
        if let Err(error) = compare(&file, rounds, &pool) {
            println!("{file}: {error}\n");
        }
    }
    Ok(())
}

fn compare(path: &str, rounds: usize, pool: &ThreadPool) -> Result<()> {
    let file = Bytes::from(std::fs::read(path)?);
    let headers = headers(&mut Input::whole(file.clone()))?;
    let header = headers.header();
    let name = path.rsplit('/').next().unwrap_or(path);
    println!("{name}: {}×{}, {:?}", header.width, header.height, header.process);
    println!("scale  libjpeg-turbo     ours  ours/turbo  two threads  two/one");
    for scale in Scale::ALL {
        // Three buffers and not one: what was decoded is compared.
        let mut samples = [(); 3].map(|()| Vec::new());
        let mut times = [(); 3].map(|()| Vec::new());
        for _ in 0..rounds {
            let started = Instant::now();
            turbo(&file, header.color, scale, &mut samples[0])?;
            times[0].push(started.elapsed().as_secs_f64() * 1e3);
            for (at, pool) in [(1, None), (2, Some(pool))] {
                let started = Instant::now();
                ours(&file, scale, pool, &mut samples[at])?;
                times[at].push(started.elapsed().as_secs_f64() * 1e3);
            }
        }
        let [turbo, one, two] = times.map(median);
        println!(
            "{:>3}/8  {turbo:>13.2}  {one:>7.2}  {:>10.2}  {two:>11.2}  {:>7.2}",
            8 / scale.factor(),
            one / turbo,
            two / one
        );
        if samples[1] != samples[2] {
            println!("two threads decode something else than one");
        }
        if scale == Scale::Full {
            match difference(&samples[0], &samples[1]) {
                0 => println!("Every sample is the same at 8/8."),
                most => println!("Samples differ by up to {most} at 8/8."),
            }
        }
    }
    println!();
    Ok(())
}

fn turbo(file: &[u8], color: Color, scale: Scale, samples: &mut Vec<u8>) -> Result<()> {
    let mut decompressor = Decompressor::new()?;
    let factor = ScalingFactor::new(1, scale.factor() as usize);
    decompressor.set_scaling_factor(factor)?;
    let header = decompressor.read_header(file)?.scaled(factor);
    let format = if color == Color::Gray { PixelFormat::GRAY } else { PixelFormat::RGB };
    let pitch = header.width * format.size();
    samples.resize(pitch * header.height, 0);
    let pixels = &mut samples[..];
    let image = Image { pixels, width: header.width, pitch, height: header.height, format };
    decompressor.decompress(file, image)?;
    black_box(samples);
    Ok(())
}

fn headers(input: &mut Input) -> Result<Headers> {
    match Headers::read(input)? {
        Poll::Ready(headers) => Ok(headers),
        Poll::Working | Poll::NeedInput => Err("the file ends before its picture begins".into()),
    }
}

fn ours(
    file: &Bytes,
    scale: Scale,
    pool: Option<&ThreadPool>,
    samples: &mut Vec<u8>,
) -> Result<()> {
    samples.clear();
    let (stop, budget) = (Stop::new(), Budget::new(u64::MAX));
    let context = Context { pool, stop: &stop, budget: &budget };
    let mut input = Input::whole(file.clone());
    let options = Options { scale, ..Options::default() };
    let mut decoder = Decoder::start(headers(&mut input)?, &options, &budget)?;
    loop {
        match decoder.read(&mut input, usize::MAX, usize::MAX, &context)? {
            Poll::Ready([]) => break,
            Poll::Ready(rows) => samples.extend_from_slice(rows),
            Poll::Working | Poll::NeedInput => {}
        }
    }
    black_box(samples);
    Ok(())
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// The largest of two samples at the same place.
fn difference(some: &[u8], others: &[u8]) -> u8 {
    some.iter().zip(others).map(|(one, other)| one.abs_diff(*other)).max().unwrap_or(0)
}
