// Quantiles of the normal and of Student's t distribution, for intervals.
#pragma once

namespace flywheel {

// x with P(Z <= x) = probability, Z standard normal, to 1e-14 relative. 0 < probability < 1.
double normal_quantile(double probability);

// P(T <= x), T Student's t with `degrees` >= 1 degrees of freedom.
double student_t_cdf(double x, double degrees);

// x with P(T <= x) = probability, to 1e-10. 0 < probability < 1; degrees >= 1.
double student_t_quantile(double probability, double degrees);

}  // namespace flywheel
