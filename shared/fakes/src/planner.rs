//! The function that holds plans against AWS, in memory.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use cpm_domain::{
    aws::AwsError,
    id::Region,
    name::OwnerName,
    origin::ImageOrigin,
    recovery::{
        image::{ImagesFound, ImagesLike},
        plan::{Checked, Plan, PlanProblem},
    },
};
use cpm_ports::Planner;

use crate::{Faults, aws::parsed, faults::Calling, held};

/// A planner that says what a test wants. Clones are the same.
///
/// It fills in the Region, `us-east-1`, and what [`FakePlanner::fills`] says, and finds nothing wrong but what
/// [`FakePlanner::finds`] says. Calls go by the name `lambda:InvokeFunction`.
#[derive(Clone)]
pub struct FakePlanner {
    state: Arc<Mutex<State>>,
    faults: Faults,
}

type Fill = Arc<dyn Fn(&mut Plan) + Send + Sync>;

#[derive(Default)]
struct State {
    fill: Option<Fill>,
    problems: Vec<PlanProblem>,
    warnings: Vec<String>,
    images: Option<ImagesFound>,
    asked: Vec<Plan>,
    looked_for: Vec<ImagesLike>,
}

impl FakePlanner {
    /// One that calls nothing wrong.
    pub fn new() -> Self {
        Self::with(Faults::new())
    }

    /// One whose calls fail as `faults` say.
    pub fn with(faults: Faults) -> Self {
        Self { state: Arc::default(), faults }
    }

    /// The same for somebody else: those calls neither fail nor count.
    #[must_use]
    pub fn beside(&self) -> Self {
        Self { state: Arc::clone(&self.state), faults: Faults::new() }
    }

    /// From now on plans are filled in by this.
    pub fn fills(&self, fill: impl Fn(&mut Plan) + Send + Sync + 'static) {
        held(&self.state).fill = Some(Arc::new(fill));
    }

    /// From now on plans have these problems and warnings.
    pub fn finds(&self, problems: &[PlanProblem], warnings: &[&str]) {
        let mut state = held(&self.state);
        state.problems = problems.to_vec();
        state.warnings = warnings.iter().map(|&warning| warning.to_owned()).collect();
    }

    /// From now on these images are found.
    pub fn has_images(&self, images: ImagesFound) {
        held(&self.state).images = Some(images);
    }

    /// The plans that were asked about, in that order.
    pub fn asked(&self) -> Vec<Plan> {
        held(&self.state).asked.clone()
    }

    /// The images that were looked for, in that order.
    pub fn looked_for(&self) -> Vec<ImagesLike> {
        held(&self.state).looked_for.clone()
    }
}

impl Default for FakePlanner {
    fn default() -> Self {
        Self::new()
    }
}

const INVOKE: &str = "lambda:InvokeFunction";

fn here() -> Region {
    parsed("us-east-1")
}

#[async_trait]
impl Planner for FakePlanner {
    async fn plan(&self, owner: &OwnerName, plan: &Plan) -> Result<Checked, AwsError> {
        let call = Calling::new(&[INVOKE], format!("{owner} {}", plan.backup), None);
        self.faults
            .call(call, |_| {
                let mut state = held(&self.state);
                state.asked.push(plan.clone());
                let mut plan = plan.clone();
                plan.region.get_or_insert_with(here);
                state.fill.iter().for_each(|fill| fill(&mut plan));
                Ok(Checked { plan, problems: state.problems.clone(), warnings: state.warnings.clone() })
            })
            .await
    }

    async fn images(&self, owner: &OwnerName, like: &ImagesLike) -> Result<ImagesFound, AwsError> {
        let call = Calling::new(&[INVOKE], format!("{owner} {}", like.backup), None);
        self.faults
            .call(call, |_| {
                let mut state = held(&self.state);
                state.looked_for.push(like.clone());
                let region = like.region.clone().unwrap_or_else(here);
                let nothing = || ImagesFound { original: ImageOrigin::default(), region, images: Vec::new() };
                Ok(state.images.clone().unwrap_or_else(nothing))
            })
            .await
    }
}
