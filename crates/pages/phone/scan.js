// Reads a waybill with the camera: by the browser's own reader where there is one, otherwise by
// one that is loaded then.

const PAUSE_MS = 120;
const SIDE_PX_MAX = 800;

const ownReader = async () => {
  if (!("BarcodeDetector" in window)) return null;
  const formats = await BarcodeDetector.getSupportedFormats();
  const wanted = ["qr_code", "code_128", "data_matrix"].filter((one) => formats.includes(one));
  if (!wanted.includes("qr_code")) return null;
  const detector = new BarcodeDetector({ formats: wanted });
  return async (video) => (await detector.detect(video)).map((one) => one.rawValue);
};

const loadedReader = async () => {
  const { decodeQR } = await import("./qr/decode.js");
  const canvas = document.createElement("canvas");
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  return async (video) => {
    const scale = Math.min(1, SIDE_PX_MAX / Math.max(video.videoWidth, video.videoHeight));
    canvas.width = Math.round(video.videoWidth * scale);
    canvas.height = Math.round(video.videoHeight * scale);
    pen.drawImage(video, 0, 0, canvas.width, canvas.height);
    try {
      return [decodeQR(pen.getImageData(0, 0, canvas.width, canvas.height))];
    } catch {
      return [];
    }
  };
};

// Shows the camera in `video` until `found` says that a text is what was wanted. Returns how to
// stop it.
export const scan = async (video, found) => {
  const wanted = { video: { facingMode: "environment" }, audio: false };
  const stream = await navigator.mediaDevices.getUserMedia(wanted);
  let running = true;
  const stop = () => {
    running = false;
    for (const track of stream.getTracks()) track.stop();
    video.srcObject = null;
  };
  video.srcObject = stream;
  await video.play();
  const read = (await ownReader().catch(() => null)) ?? (await loadedReader());
  const look = async () => {
    if (!running) return;
    const texts = video.videoWidth ? await read(video).catch(() => []) : [];
    if (running && texts.some((text) => found(text))) return stop();
    setTimeout(look, PAUSE_MS);
  };
  look();
  return stop;
};
