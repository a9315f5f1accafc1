# make run    packages, build, a synthetic bank of 100,000 customers, recommendations with reasons
# make test   packages, build, all tests; the last line is `N passed, N failed`
# make check  layers, style; make install  DESTDIR and PREFIX as usual; make clean
BUILD ?= build/release
DEMO ?= demo
CUSTOMERS ?= 100000

.PHONY: run build test check packages test-packages install clean

run: build
	@tools/demo $(BUILD)/lingxi $(DEMO) $(CUSTOMERS)

build: packages
	@[ -f $(BUILD)/build.ninja ] || meson setup $(BUILD) -Doptimization=2 -Ddebug=false -Dtests=false >/dev/null
	@meson compile -C $(BUILD) >$(BUILD)/compile.log || { cat $(BUILD)/compile.log; exit 1; }

test: test-packages
	@[ -f build/test/build.ninja ] || meson setup build/test -Doptimization=2 -Ddebug=false >/dev/null
	@meson compile -C build/test >build/test/compile.log || { cat build/test/compile.log; exit 1; }
	@tools/run-tests build/test

check:
	@tools/packages check
	@tools/layers
	@tools/tidy

packages:
	@tools/packages run

test-packages:
	@tools/packages run test

install: build
	meson install -C $(BUILD) $(if $(DESTDIR),--destdir $(abspath $(DESTDIR)))

clean:
	rm -rf build demo
