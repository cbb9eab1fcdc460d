"""Compare `mmzoo fit` with other models on tables of many kinds, of which none was used to tune anything."""
