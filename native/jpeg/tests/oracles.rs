//! Beside other decoders, and beside the reference pictures of odd files where there are any.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::path::{Path, PathBuf};

use thumbelina_jpeg::{Error, Image, OnDamage, Options, decode};

/// The JPEGs below a folder.
fn jpegs(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(jpegs(&path));
        } else if path.extension().is_some_and(|extension| extension == "jpg") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn corpus(folder: &str) -> Option<PathBuf> {
    std::env::var_os("THUMBELINA_CORPUS").map(|corpus| Path::new(&corpus).join(folder))
}

/// Peak signal to noise ratio in dB.
fn psnr(a: &[u8], b: &[u8]) -> f64 {
    assert_eq!(a.len(), b.len());
    let squares: u64 = a.iter().zip(b).map(|(&a, &b)| u64::from(a.abs_diff(b)).pow(2)).sum();
    10.0 * (255.0 * 255.0 * a.len() as f64 / squares as f64).log10()
}

/// Gray or RGB by zune-jpeg. `None` where it does not make that of the file.
fn by_zune(bytes: &[u8], channels: usize) -> Option<Vec<u8>> {
    use zune_jpeg::JpegDecoder;
    use zune_jpeg::zune_core::bytestream::ZCursor;
    use zune_jpeg::zune_core::colorspace::ColorSpace;
    use zune_jpeg::zune_core::options::DecoderOptions;
    let space = if channels == 1 { ColorSpace::Luma } else { ColorSpace::RGB };
    let options = DecoderOptions::default().jpeg_set_out_colorspace(space);
    JpegDecoder::new_with_options(ZCursor::new(bytes), options).decode().ok()
}

/// The same by jpeg-decoder.
fn by_jpeg_decoder(bytes: &[u8], channels: usize) -> Option<Vec<u8>> {
    let samples = jpeg_decoder::Decoder::new(bytes).decode();
    samples.ok().filter(|samples| samples.len().is_multiple_of(channels))
}

#[test]
fn other_decoders_see_the_same() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../test/fixtures");
    let mut files = jpegs(&fixtures);
    assert!(files.len() > 10, "only {} fixtures were found", files.len());
    for folder in ["photos", "orientation"] {
        files.extend(corpus(folder).iter().flat_map(|folder| jpegs(folder)));
    }
    let mut compared = 0;
    for path in files {
        let bytes = std::fs::read(&path).unwrap();
        let name = path.display();
        let Ok(Image { samples, channels, .. }) = decode(bytes.clone(), &Options::default()) else {
            assert!(
                ["truncated", "huge"].iter().any(|bad| name.to_string().contains(bad)),
                "{name}"
            );
            continue;
        };
        for (oracle, theirs) in [
            ("zune-jpeg", by_zune(&bytes, channels)),
            ("jpeg-decoder", by_jpeg_decoder(&bytes, channels)),
        ] {
            let Some(theirs) = theirs.filter(|theirs| theirs.len() == samples.len()) else {
                println!("{name}: not for {oracle}");
                continue;
            };
            // They enlarge chroma in ways of their own.
            let psnr = psnr(&samples, &theirs);
            assert!(psnr > 40.0, "{name}: {psnr} dB from {oracle}");
            compared += 1;
        }
    }
    assert!(compared > 20, "only {compared} pictures were compared");
}

/// The reference pictures were made by another decoder, so that chroma may differ somewhat.
#[test]
fn odd_files_look_like_their_reference_pictures() {
    let Some(folder) = corpus("conformance/jpeg") else { return };
    let mut compared = 0;
    for path in jpegs(&folder) {
        let name = path.display().to_string();
        let bytes = std::fs::read(&path).unwrap();
        let reference = path.with_extension("png");
        let ours = decode(bytes.clone(), &Options::default());
        if ours == Err(Error::NotJpeg) {
            // One is a PNG by another name.
            continue;
        }
        if !reference.exists() {
            println!("{name}: {:?}", ours.map(|image| (image.width, image.height)));
            continue;
        }
        let ours = ours.or_else(|error| {
            println!("{name}: {error}");
            decode(bytes, &Options { on_damage: OnDamage::Gray, ..Options::default() })
        });
        let ours = ours.unwrap_or_else(|error| panic!("{name}: {error}"));
        let theirs = image::open(&reference).unwrap();
        let theirs = if ours.channels == 1 {
            theirs.to_luma8().into_raw()
        } else {
            theirs.to_rgb8().into_raw()
        };
        let psnr = psnr(&ours.samples, &theirs);
        println!("{name}: {psnr:.1} dB");
        assert!(psnr > 35.0, "{name}: {psnr} dB");
        compared += 1;
    }
    assert!(compared > 20, "only {compared} pictures were compared");
}
