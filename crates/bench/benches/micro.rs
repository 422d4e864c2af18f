//! What one step takes, alone and with everything in the processor's caches: for finding out where time goes,
//! not for promises. `cargo xtask bench micro`.

use std::num::NonZero;
use std::time::{Duration, Instant};

use bench::counted::{Counted, ID_CACHE_BYTES, options, posted};
use bench::operations::{Asker, Format, Posts, PublishedPost, TAGS};
use bench::scratch;
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use store::Metrics;

/// As in the service: what is measured includes its allocator.
#[global_allocator]
static ALLOCATOR: allocator::MiMalloc = allocator::MiMalloc;

const ROOMS: [usize; 4] = [10, 50, 1_000, 10_000];
const POSTS_A_COMMIT: [usize; 2] = [100, 10_000];

fn decode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decode");
    for (name, format) in [("post-message-pack", Format::MessagePack), ("post-json", Format::Json)] {
        let post = PublishedPost::new(format).expect("it is a post");
        group.bench_function(name, |bencher| bencher.iter(|| post.decode()));
    }
}

fn apply(criterion: &mut Criterion) {
    let mut posts = Posts::new().expect("posts are applied");
    criterion.bench_function("apply/post", |bencher| {
        bencher.iter(|| posts.apply_next().expect("a post is applied"));
    });
}

fn badge(criterion: &mut Criterion) {
    asked(criterion, "badge", &[]);
}

/// The tag filter: what it adds is the difference to `badge`.
fn intersect(criterion: &mut Criterion) {
    asked(criterion, "intersect", &TAGS);
}

fn asked(criterion: &mut Criterion, name: &str, tags: &[&str]) {
    let mut group = criterion.benchmark_group(name);
    for rooms in ROOMS {
        let asker = NonZero::new(rooms).map(Asker::new).expect("there are rooms").expect("badges are right");
        let id = BenchmarkId::new("rooms", rooms);
        group.bench_function(id, |bencher| bencher.iter(|| asker.badge(tags)));
    }
}

/// From making a commit of so many posts, each to a room of its own, until it is on disk.
fn commit(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("commit");
    group.sample_size(20);
    for posts in POSTS_A_COMMIT {
        let directory = scratch::directory().expect("a directory can be made");
        let options = options(directory.path(), 10_000, ID_CACHE_BYTES);
        let mut counted = Counted::open(&options, &Metrics::default()).expect("a store can be made");
        let mut message = 0;
        group.bench_function(BenchmarkId::new("posts", posts), |bencher| {
            bencher.iter_custom(|times| {
                let mut time = Duration::ZERO;
                for _ in 0..times {
                    for room in 0..posts {
                        message += 1;
                        let post = posted(&format!("room-{room}"), message, "ann").expect("it is a post");
                        counted.apply(&post).expect("a post is applied");
                    }
                    let start = Instant::now();
                    counted.finish().expect("a commit is written");
                    time += start.elapsed();
                }
                time
            });
        });
    }
}

criterion_group!(micro, decode, apply, badge, intersect, commit);
criterion_main!(micro);
