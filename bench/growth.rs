//! How an epoch's time grows with the size of a batch, on one thread and on two: `bench/growth.csv` and a chart of it.

use std::{array::from_fn, error::Error};

use mnist_classification::{
    plotters::{self, prelude::*},
    polars::prelude::df,
    prelude::*,
    tch,
};

const THREADS: [i32; 2] = [1, 2];
const BATCH_SIZES: [usize; 8] = [32, 64, 128, 256, 512, 1024, 2048, 4096];
const ROUNDS: usize = 3;

/// Seconds per epoch: a row for each number of threads, a column for each size of batch.
type Seconds = [[f64; BATCH_SIZES.len()]; THREADS.len()];

/// Medians over the rounds, which take all in turn, for each number of threads and each size of batch.
fn measure() -> Result<Seconds> {
    let train = Mnist::load()?.train.preprocess();
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let mut seconds = Seconds::default();
        for (threads, row) in THREADS.into_iter().zip(&mut seconds) {
            tch::set_num_threads(threads);
            for (batch_size, seconds) in BATCH_SIZES.into_iter().zip(row) {
                let mut model = Mlp::new(&[784, 512, 256, 128, 10], 0)?;
                // The first epoch of a training also makes its buffers: the second one counts.
                let training = Training { epochs: 2, batch_size, verbose: false, ..Training::default() };
                *seconds = fit(&mut model, &train, &training)?.epochs[1].seconds;
                println!("{threads} threads, batches of {batch_size}: {seconds:.2} s");
            }
        }
        rounds.push(seconds);
    }
    let median = |row: usize, column: usize| {
        let mut seconds: Vec<f64> = rounds.iter().map(|round| round[row][column]).collect();
        seconds.sort_by(f64::total_cmp);
        seconds[ROUNDS / 2]
    };
    Ok(from_fn(|row| from_fn(|column| median(row, column))))
}

fn draw(seconds: &Seconds) -> Result<(), Box<dyn Error>> {
    let font = include_bytes!("../assets/DejaVuSans.ttf");
    plotters::style::register_font("sans-serif", FontStyle::Normal, font).map_err(|_| "the font is damaged")?;
    let area = BitMapBackend::new("figures/epoch_time.png", (1000, 460)).into_drawing_area();
    area.fill(&WHITE)?;
    let largest = seconds.iter().flatten().copied().fold(0.0, f64::max);
    let sizes = (BATCH_SIZES[0] as f64..*BATCH_SIZES.last().unwrap_or(&1) as f64).log_scale().base(2.0);
    let mut chart = ChartBuilder::on(&area)
        .caption("Seconds per epoch over the batch size", ("sans-serif", 26))
        .margin(14)
        .margin_right(40)
        .x_label_area_size(54)
        .y_label_area_size(74)
        .build_cartesian_2d(sizes, 0.0..1.1 * largest)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(WHITE)
        .x_desc("digits per batch")
        .y_desc("seconds per epoch")
        .x_label_formatter(&|size| format!("{size:.0}"))
        .y_label_formatter(&|seconds| format!("{seconds:.1}"))
        .label_style(("sans-serif", 17))
        .axis_desc_style(("sans-serif", 19))
        .draw()?;
    for ((threads, row), color) in THREADS.into_iter().zip(seconds).zip([RGBColor(204, 85, 0), RGBColor(0, 102, 170)]) {
        let points = || BATCH_SIZES.iter().map(|&size| size as f64).zip(row.iter().copied());
        chart.draw_series(points().map(|point| Circle::new(point, 5, color.filled())))?;
        chart
            .draw_series(LineSeries::new(points(), color.stroke_width(3)))?
            .label(if threads == 1 { "1 thread".into() } else { format!("{threads} threads") })
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 28, y)], color.stroke_width(3)));
    }
    chart.configure_series_labels().legend_area_size(38).margin(12).label_font(("sans-serif", 18)).draw()?;
    area.present()?;
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let seconds = measure()?;
    let sizes: Vec<_> = BATCH_SIZES.iter().map(|&size| size as u32).collect();
    let [one, two] = seconds.map(Vec::from);
    df!["batch_size" => sizes, "seconds_on_1_thread" => one, "seconds_on_2_threads" => two]?
        .save_csv("bench/growth.csv")?;
    draw(&seconds)
}
