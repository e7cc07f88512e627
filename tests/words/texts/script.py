"""A script that
the operator hears of."""

print("that which failed is printed")
