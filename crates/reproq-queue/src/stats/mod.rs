//! The state of a queue, as counts: what is live, what failed, what happened when. Pure; `read` fills these values.

mod heatmap;
mod live;
mod trend;

pub use heatmap::FailureCell;
pub use heatmap::Heatmap;
pub use heatmap::HeatmapRow;
pub use live::DeadWorker;
pub use live::FailingTask;
pub use live::HistoryCount;
pub use live::LiveCount;
pub use live::QueueControl;
pub use live::QueueDepth;
pub use live::QueueSnapshot;
pub use live::RateLimitRow;
pub use live::STALE_SECONDS;
pub use live::ScheduleRow;
pub use live::ScheduleTime;
pub use live::ServerRow;
pub use live::WorkerRow;
pub use live::WorkerState;
pub use live::queue_depths;
pub use trend::EventCount;
pub use trend::Trend;
pub use trend::TrendBucket;
pub use trend::TrendWindow;
