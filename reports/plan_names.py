"""What the plans of customers are called for people, in the order in which they are shown."""

from survey.vocabulary import Plan

PLAN_NAMES = {
    Plan.FREE: "Free",
    Plan.PAYGO: "Pay-as-you-go",
    Plan.BOOST: "Boost",
    Plan.SCALE: "Scale",
    Plan.ENTERPRISE: "Enterprise",
    Plan.UNKNOWN: "Plan not known",
}
