"""What pictures show: the frames that are looked at, and the documents of what models saw in them."""
