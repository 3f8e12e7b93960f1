//! The files that the fuzzers start from, in `fuzz/corpus`: each is decoded or refused, and the
//! same on several threads.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use bytes::Bytes;
use rayon::ThreadPoolBuilder;
use thumbelina_jpeg::{Decoder, Effort, Error, Header, OnDamage, Options, Read, Scale, decode};

fn files() -> Vec<(String, Bytes)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus");
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    // Folders hold what the fuzzers found on this machine.
    let files: Vec<_> = paths
        .filter(|path| path.is_file())
        .map(|path| (path.file_name().unwrap().display().to_string(), std::fs::read(&path).unwrap().into()))
        .collect();
    assert!(files.len() > 40, "{} files", files.len());
    files
}

fn ways(scale: Scale) -> [Options; 4] {
    let options = Options { scale, max_memory: 64 << 20, piece: 48, ..Options::default() };
    [(true, OnDamage::Fail), (true, OnDamage::Gray), (false, OnDamage::Fail), (false, OnDamage::Gray)]
        .map(|(dc_only, on_damage)| Options { dc_only, on_damage, ..options })
}

#[test]
fn each_is_decoded_or_refused() {
    for (name, file) in files() {
        for options in Scale::ALL.into_iter().flat_map(ways) {
            let headers = Decoder::new(file.clone(), &options);
            let image = match (decode(file.clone(), &options), headers) {
                (Ok(image), _) => image,
                (Err(error), Ok(_)) if options.on_damage == OnDamage::Gray => {
                    panic!("{name}: {error}, {options:?}");
                }
                _ => continue,
            };
            let header = Header::read(file.clone()).unwrap();
            let size = (options.scale.apply(header.width), options.scale.apply(header.height));
            assert_eq!((image.width, image.height), size, "{name}");
            let samples = image.width as usize * image.height as usize * image.channels;
            assert_eq!(image.samples.len(), samples, "{name}, {options:?}");
        }
    }
}

/// Also those that are damaged.
#[test]
fn each_is_the_same_on_several_threads() {
    let pool = ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    for (name, file) in files() {
        for options in Scale::ALL.into_iter().flat_map(ways) {
            let whole = rows(&file, &options, Effort::Mcus(usize::MAX));
            let together = rows(&file, &options, Effort::Pool(&pool));
            assert_eq!(whole.1, together.1, "{name}, {options:?}");
            // Before an error, several threads may have finished fewer rows.
            let both = whole.0.len().min(together.0.len());
            assert!(whole.1.is_some() || whole.0.len() == together.0.len(), "{name}, {options:?}");
            assert!(whole.0[..both] == together.0[..both], "{name}, {options:?}");
        }
    }
}

/// All rows up to the end or the first error.
fn rows(file: &Bytes, options: &Options, effort: Effort<'_>) -> (Vec<u8>, Option<Error>) {
    let mut samples = Vec::new();
    let mut decoder = match Decoder::new(file.clone(), options) {
        Ok(decoder) => decoder,
        Err(error) => return (samples, Some(error)),
    };
    loop {
        match decoder.read(usize::MAX, effort) {
            Ok(Read::Rows(rows)) => samples.extend_from_slice(rows),
            Ok(Read::Working) => {}
            Ok(Read::Done) => return (samples, None),
            Err(error) => return (samples, Some(error)),
        }
    }
}
