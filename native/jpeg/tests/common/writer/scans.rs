//! Scans, and how a picture is spread over them.

use super::picture::Picture;
use super::random::Random;

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Scan {
    /// In the order of the frame.
    pub components: Vec<usize>,
    pub ss: u8,
    pub se: u8,
    pub ah: u8,
    pub al: u8,
}

impl Scan {
    pub fn new(components: &[usize], band: (u8, u8), ah: u8, al: u8) -> Scan {
        Scan { components: components.to_vec(), ss: band.0, se: band.1, ah, al }
    }
}

/// Leaves out the lowest `al` bits: of DC as if it were shifted, of AC towards zero.
pub(super) fn point_transform(value: i16, k: usize, al: u8) -> i32 {
    let value = i32::from(value);
    if k == 0 { value >> al } else { value.signum() * (value.abs() >> al) }
}

/// The ways to spread a picture over scans.
pub mod scripts {
    use super::{Picture, Random, Scan};

    /// One scan; or as few as hold four components and ten blocks an MCU each.
    pub fn interleaved(picture: &Picture) -> Vec<Scan> {
        groups(picture, 0..picture.components.len()).iter().map(|group| whole(group)).collect()
    }

    pub fn one_per_component(picture: &Picture) -> Vec<Scan> {
        (0..picture.components.len()).map(|index| whole(&[index])).collect()
    }

    /// Not progressive, and in any order and grouping.
    pub fn random_sequential(picture: &Picture, seed: u64) -> Vec<Scan> {
        let mut random = Random(seed);
        let mut scans = Vec::new();
        let mut left: Vec<usize> = (0..picture.components.len()).collect();
        while !left.is_empty() {
            let (now, later): (Vec<_>, Vec<_>) = left.into_iter().partition(|_| random.one_in(2));
            scans.extend(groups(picture, now).iter().map(|group| whole(group)));
            left = later;
        }
        scans
    }

    /// Much as most encoders do it: a blurred picture first, its colors early, its details last.
    pub fn progressive(picture: &Picture) -> Vec<Scan> {
        let mut scans = dc(picture, 0, 1);
        scans.push(Scan::new(&[0], (1, 5), 0, 2));
        scans.extend(
            (1..picture.components.len()).rev().map(|index| Scan::new(&[index], (1, 63), 0, 1)),
        );
        scans.push(Scan::new(&[0], (6, 63), 0, 2));
        scans.push(Scan::new(&[0], (1, 63), 2, 1));
        scans.extend(dc(picture, 1, 0));
        scans.extend(
            (0..picture.components.len()).rev().map(|index| Scan::new(&[index], (1, 63), 1, 0)),
        );
        scans
    }

    /// One component after the other, from the last to the first, so that no scan is interleaved.
    pub fn component_by_component(picture: &Picture) -> Vec<Scan> {
        let bands = |index| [(0, 0), (1, 63)].map(|band| Scan::new(&[index], band, 0, 0));
        (0..picture.components.len()).rev().flat_map(bands).collect()
    }

    /// In several bands, the highest first, and no bits held back.
    pub fn spectral_selection(picture: &Picture) -> Vec<Scan> {
        let mut scans = dc(picture, 0, 0);
        for band in [(63, 63), (36, 62), (10, 35), (2, 9), (1, 1)] {
            scans
                .extend((0..picture.components.len()).map(|index| Scan::new(&[index], band, 0, 0)));
        }
        scans
    }

    /// All DC and then all AC, from bit `al`, at most 13, down to the lowest. With 0, each is sent
    /// at once.
    pub fn successive_approximation(picture: &Picture, al: u8) -> Vec<Scan> {
        let mut scans = Vec::new();
        for low in (0..=al).rev() {
            let high = if low == al { 0 } else { low + 1 };
            scans.extend(dc(picture, high, low));
            let components = 0..picture.components.len();
            scans.extend(components.map(|index| Scan::new(&[index], (1, 63), high, low)));
        }
        scans
    }

    /// Any complete progression that the standard allows, with at most five bits held back.
    pub fn random_progressive(picture: &Picture, seed: u64) -> Vec<Scan> {
        let mut random = Random(seed);
        let mut scans = Vec::new();
        // The lowest bit sent of each coefficient.
        let mut sent = vec![[None; 64]; picture.components.len()];
        loop {
            let open = |index: &usize| sent[*index].iter().any(|&low| low != Some(0));
            let open: Vec<usize> = (0..picture.components.len()).filter(open).collect();
            if open.is_empty() {
                return scans;
            }
            let index = open[random.below(open.len())];
            let open: Vec<usize> = (1..64).filter(|&k| sent[index][k] != Some(0)).collect();
            let dc = sent[index][0];
            let is_dc = dc.is_none() || dc != Some(0) && (open.is_empty() || random.one_in(4));
            let (components, band) = if is_dc {
                let mut joins =
                    |&other: &usize| other == index || sent[other][0] == dc && !random.one_in(4);
                let joining: Vec<usize> = (0..sent.len()).filter(&mut joins).collect();
                let mut groups = groups(picture, joining).into_iter();
                (groups.find(|group| group.contains(&index)).unwrap_or_default(), (0, 0))
            } else {
                // Mostly as much as goes, or there would be hundreds of scans.
                let any = random.one_in(4);
                let first = if any { open[random.below(open.len())] } else { open[0] };
                let same = |&k: &usize| sent[index][k] == sent[index][first];
                let last = (first..64).take_while(same).last().unwrap_or(first);
                let last = if any { first + random.below(last - first + 1) } else { last };
                (vec![index], (first, last))
            };
            let low = sent[index][band.0];
            let (ah, al) =
                (low.unwrap_or(0), low.map_or_else(|| random.below(6) as u8, |low| low - 1));
            for &component in &components {
                sent[component][band.0..=band.1].fill(Some(al));
            }
            scans.push(Scan { components, ss: band.0 as u8, se: band.1 as u8, ah, al });
        }
    }

    fn whole(components: &[usize]) -> Scan {
        Scan::new(components, (0, 63), 0, 0)
    }

    fn dc(picture: &Picture, ah: u8, al: u8) -> Vec<Scan> {
        let groups = groups(picture, 0..picture.components.len());
        groups.iter().map(|group| Scan::new(group, (0, 0), ah, al)).collect()
    }

    /// Spreads components over groups that one scan may hold.
    fn groups(picture: &Picture, components: impl IntoIterator<Item = usize>) -> Vec<Vec<usize>> {
        let blocks = |index: &usize| picture.components[*index].h * picture.components[*index].v;
        let mut groups: Vec<Vec<usize>> = Vec::new();
        for index in components {
            match groups.last_mut() {
                Some(group)
                    if group.len() < 4
                        && group.iter().map(blocks).sum::<u8>() + blocks(&index) <= 10 =>
                {
                    group.push(index);
                }
                _ => groups.push(vec![index]),
            }
        }
        groups
    }
}
