/* The definitions pack as bytes of the program; PACK_FILE comes from the build. */
	.section .rodata
	.balign 16
	.global definitions_pack
	.type definitions_pack, @object
definitions_pack:
	.incbin PACK_FILE
	.size definitions_pack, . - definitions_pack
	.section .note.GNU-stack, "", @progbits
