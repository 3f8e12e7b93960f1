//! Writes lossless JPEGs (T.81, annex H).

use super::random::Random;

/// A lossless picture, and how it is to be written.
#[derive(Clone, Debug)]
pub struct Lossless {
    pub width: u16,
    pub height: u16,
    /// Bits of a sample, and how many of these are left out.
    pub precision: u8,
    pub low: u8,
    /// 1 to 7.
    pub predictor: u8,
    /// Sampling factors by component.
    pub sampling: Vec<(u8, u8)>,
    /// The components of each scan.
    pub scans: Vec<Vec<usize>>,
    /// Rows of MCUs between two restart markers; 0 if there are none.
    pub restart_rows: u16,
    /// By component, row by row: as many as there are in whole MCUs.
    pub samples: Vec<Vec<u16>>,
}

impl Lossless {
    /// Slopes with some noise, and now and then anything.
    pub fn random(seed: u64, size: (u16, u16), precision: u8, sampling: &[(u8, u8)]) -> Self {
        let mut picture = Lossless {
            width: size.0,
            height: size.1,
            precision,
            low: 0,
            predictor: 1,
            sampling: sampling.to_vec(),
            scans: vec![(0..sampling.len()).collect()],
            restart_rows: 0,
            samples: Vec::new(),
        };
        let mut random = Random(seed);
        let most = (1u32 << precision) - 1;
        for component in 0..sampling.len() {
            let (stride, rows) = picture.size(component);
            let slope = random.below(1 << precision) as u32 / 16;
            let samples = (0..stride * rows).map(|at| {
                let plain = (at % stride + at / stride) as u32 * slope + random.below(3) as u32;
                (if random.one_in(9) { random.next() as u32 } else { plain } & most) as u16
            });
            let samples = samples.collect();
            picture.samples.push(samples);
        }
        picture
    }

    fn mcus(&self) -> (usize, usize) {
        let h = self.sampling.iter().map(|&(h, _)| h).max().unwrap();
        let v = self.sampling.iter().map(|&(_, v)| v).max().unwrap();
        (self.width.div_ceil(h.into()).into(), self.height.div_ceil(v.into()).into())
    }

    /// Samples of a row of a component, and its rows, in whole MCUs.
    pub fn size(&self, component: usize) -> (usize, usize) {
        let ((across, down), (h, v)) = (self.mcus(), self.sampling[component]);
        (across * usize::from(h), down * usize::from(v))
    }

    pub fn write(&self) -> Vec<u8> {
        let mut out = vec![0xFF, 0xD8];
        let mut segment = |marker: u8, body: &[u8]| {
            out.extend([0xFF, marker]);
            out.extend((body.len() as u16 + 2).to_be_bytes());
            out.extend(body);
        };
        let count = self.sampling.len() as u8;
        let mut frame = vec![self.precision];
        frame.extend([self.height.to_be_bytes(), self.width.to_be_bytes()].concat());
        frame.push(count);
        for (id, (h, v)) in (1..).zip(&self.sampling) {
            frame.extend([id, h << 4 | v, 0]);
        }
        segment(0xC3, &frame);
        // Codes of 5 bits, for differences of 0 to 16 bits.
        let mut table = vec![0; 17];
        table[5] = 17;
        table.extend(0..17);
        segment(0xC4, &table);
        for components in &self.scans {
            let mut segment = |marker: u8, body: &[u8]| {
                out.extend([0xFF, marker]);
                out.extend((body.len() as u16 + 2).to_be_bytes());
                out.extend(body);
            };
            let across = self.mcus_of(components).0;
            segment(0xDD, &(self.restart_rows * across as u16).to_be_bytes());
            let mut scan = vec![components.len() as u8];
            components.iter().for_each(|&index| scan.extend([index as u8 + 1, 0]));
            scan.extend([self.predictor, 0, self.low]);
            segment(0xDA, &scan);
            self.data(components, &mut out);
        }
        out.extend([0xFF, 0xD9]);
        out
    }

    /// MCUs of a scan in each direction: samples, where a component is alone.
    fn mcus_of(&self, components: &[usize]) -> (usize, usize) {
        let &[alone] = components else { return self.mcus() };
        let part = |side: u16, factor: u8, most: u8| {
            (usize::from(side) * usize::from(factor)).div_ceil(most.into())
        };
        let (h, v) = self.sampling[alone];
        let most_h = self.sampling.iter().map(|&(h, _)| h).max().unwrap();
        let most_v = self.sampling.iter().map(|&(_, v)| v).max().unwrap();
        (part(self.width, h, most_h), part(self.height, v, most_v))
    }

    fn data(&self, components: &[usize], out: &mut Vec<u8>) {
        let (mut bits, mut count) = (0u64, 0);
        let mut put = |out: &mut Vec<u8>, value: u64, length: u32| {
            (bits, count) = (bits << length | value, count + length);
            while count >= 8 {
                count -= 8;
                out.push((bits >> count) as u8);
                if out.last() == Some(&0xFF) {
                    out.push(0);
                }
                bits &= (1 << count) - 1;
            }
            count
        };
        let (across, down) = self.mcus_of(components);
        for y in 0..down {
            let restart = usize::from(self.restart_rows);
            if y > 0 && restart > 0 && y % restart == 0 {
                let left = put(out, 0, 0);
                put(out, (1 << ((8 - left) % 8)) - 1, (8 - left) % 8);
                out.extend([0xFF, 0xD0 + (y / restart - 1) as u8 % 8]);
            }
            for x in 0..across {
                for &component in components {
                    let alone = components.len() == 1;
                    let (h, v) = if alone { (1, 1) } else { self.sampling[component] };
                    let (h, v) = (usize::from(h), usize::from(v));
                    for (row, column) in (0..v).flat_map(|row| (0..h).map(move |at| (row, at))) {
                        let (x, y) = (x * h + column, y * v + row);
                        let is_first = y < v || restart > 0 && y / v % restart == 0 && row == 0;
                        let difference = self.difference(component, x, y, is_first && row == 0);
                        let size = 16 - difference.unsigned_abs().leading_zeros();
                        put(out, size.into(), 5);
                        if size < 16 {
                            let value = difference as i32 + i32::from(difference >> 15);
                            put(out, value as u64 & ((1 << size) - 1), size);
                        }
                    }
                }
            }
        }
        let left = put(out, 0, 0);
        put(out, (1 << ((8 - left) % 8)) - 1, (8 - left) % 8);
    }

    fn difference(&self, component: usize, x: usize, y: usize, is_first: bool) -> i16 {
        let stride = self.size(component).0;
        let at =
            |x: usize, y: usize| i32::from(self.samples[component][y * stride + x] >> self.low);
        let predicted = match (x, is_first) {
            (0, true) => 1 << (self.precision - self.low - 1),
            (0, false) => at(0, y - 1),
            (_, true) => at(x - 1, y),
            (_, false) => {
                let (a, b, c) = (at(x - 1, y), at(x, y - 1), at(x - 1, y - 1));
                match self.predictor {
                    1 => a,
                    2 => b,
                    3 => c,
                    4 => a + b - c,
                    5 => a + ((b - c) >> 1),
                    6 => b + ((a - c) >> 1),
                    _ => (a + b) >> 1,
                }
            }
        };
        (at(x, y) - predicted) as i16
    }
}
