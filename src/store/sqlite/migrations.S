/* The numbered steps of the schema as texts of the program; MIGRATION_n come from the build. */
	.section .rodata
	.macro text name, file
	.global store_migration_\name
	.type store_migration_\name, @object
store_migration_\name:
	.incbin "\file"
	.byte 0
	.size store_migration_\name, . - store_migration_\name
	.endm
	text first, MIGRATION_1
	text hashes, MIGRATION_2
	text dates, MIGRATION_3
	text words, MIGRATION_4
	.section .note.GNU-stack, "", @progbits
