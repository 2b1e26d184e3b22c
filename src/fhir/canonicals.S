/* The archive of canonical resources as bytes of the program; ARCHIVE_FILE comes from the build. */
	.section .rodata
	.balign 16
	.global canonicals_archive
	.type canonicals_archive, @object
canonicals_archive:
	.incbin ARCHIVE_FILE
	.size canonicals_archive, . - canonicals_archive
	.section .note.GNU-stack, "", @progbits
