#ifndef LEARN_AXES_H
#define LEARN_AXES_H

/*
 * axes: principal axes of points (Pearson 1901; Jacobi's rotations 1846), so that a few coordinates
 * tell most of a distance.
 *
 * Shapes:  points[count][dimension], row-major, finite. ret_axes[dimension][dimension]: an axis a
 *          row, of unit length and at right angles to the others to 1e-12, by falling variance.
 * The variances are those of at most AXES_POINTS_MAX points, evenly spaced; any axes at right
 * angles keep distances, so nothing but speed hangs on that.
 * Errors:  LX_ERR_NO_MEMORY. Threads: pure.
 */

#include "base/base.h"

enum { AXES_POINTS_MAX = 4096 };

LX_MUST_USE enum lx_err axes_find(const float *points, size_t count, size_t dimension,
                                  const double *means, double *ret_axes, double *ret_variances);

#endif
