"""One run, from its configuration to what it has achieved.

`ask` is what is wanted of it, `builder` and `roll_call` make its parts, `run` holds them and `life` carries
it to its end; `history` is what outlives it in one process, `outcome` what is told of it, `wanted` what its
readers hand out, `failures` what its errors come to.
"""
